# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of the chat share; `load chat` after `load lib`.

# chat [SETTINGS]: the setting of a chat on a port that the kernel chooses, and
# on the socket $DIR/chat, over which nothing is kept for who does not read but
# what timed asks for.
chat()
{
	echo "services = ( { type = \"chat\";
		listen = [ \"127.0.0.1:0\", \"unix:$DIR/chat\" ];
		timezone = \"UTC\"; ${1-} } );"
}

chat_port()
{
	service_port chat
}

# room [WHERE] <PROGRAM: run a program of python3 that has Client, and wait.
room()
{
	room_program
	timeout 60 env PYTHONPATH="$DIR" PYTHONDONTWRITEBYTECODE=1 \
		python3 -c "from room import *
$(cat)" "${1:-$(chat_port)}"
}

# room_start OUT <PROGRAM: the same, in the background; its pid goes to PID.
room_start()
{
	room_program
	start "$1" "$1.err" env PYTHONPATH="$DIR" PYTHONDONTWRITEBYTECODE=1 \
		python3 -c "from room import *
$(cat)" "$(chat_port)"
}

# The clients are a module, so that a test is about what they say.
room_program()
{
	program room.py <<-'EOF'
		import re, select, socket, sys, time
		WHERE, PATIENCE = sys.argv[1], 20
		PASSWORD = "an open secret"
		LINE = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (.*)", re.S)

		class Client:
		    """One connection; with a name, logged in as that."""
		    def __init__(self, name=None, password=PASSWORD, ack=False):
		        path = WHERE.startswith("/")
		        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
		        self.socket.settimeout(PATIENCE)
		        self.socket.connect(WHERE if path else ("127.0.0.1", int(WHERE)))
		        self.rest, self.closed = b"", False
		        if name:
		            self.welcome = self.enter(name, password)
		        if ack:
		            self.say("/ack on")
		            self.expect(r"\* each line is acknowledged")

		    def enter(self, name, password=PASSWORD):
		        self.prompt("name: ")
		        self.say(name)
		        self.prompt("password: ", end=True)
		        self.say(password)
		        return self.expect(r"\* welcome, .*")

		    def send(self, data):
		        self.socket.sendall(data)

		    def say(self, text):
		        self.send(text.encode() + b"\n")

		    def read(self, deadline):
		        left = deadline - time.monotonic()
		        ready = left > 0 and select.select([self.socket], [], [], left)[0]
		        assert ready, "waited in vain; there is %r" % self.rest
		        try:
		            data = self.socket.recv(65536)
		        except ConnectionError:
		            data = b""
		        self.closed = not data
		        self.rest += data

		    def prompt(self, text, end=False):
		        """What is asked for, which has no end of line."""
		        deadline, text = time.monotonic() + PATIENCE, text.encode()
		        while not (self.rest.endswith(text) if end else self.rest == text):
		            assert not self.closed, "closed, after %r" % self.rest
		            self.read(deadline)
		        before = self.rest[:-len(text)].decode()
		        self.rest = b""
		        return before

		    def line(self):
		        """The next line; None at the end."""
		        deadline = time.monotonic() + PATIENCE
		        while b"\n" not in self.rest:
		            if self.closed:
		                return None
		            self.read(deadline)
		        line, self.rest = self.rest.split(b"\n", 1)
		        return line.decode()

		    def text(self):
		        """The next line that somebody said, without its time."""
		        while True:
		            line = self.line()
		            assert line is not None, "closed"
		            found = LINE.fullmatch(line)
		            if found:
		                return found.group(1)

		    def expect(self, pattern):
		        """The next line has to be that."""
		        line = self.line()
		        assert line is not None and re.fullmatch(pattern, line), \
		            "not %r: %r" % (pattern, line)
		        return line

		    def wait(self, pattern):
		        """Read on until a line is that; those before it."""
		        before = []
		        while True:
		            line = self.line()
		            assert line is not None, "closed, after %r" % before[-5:]
		            if re.fullmatch(pattern, line):
		                return before
		            before.append(line)

		    def end(self):
		        """All that comes until the server closes."""
		        deadline = time.monotonic() + PATIENCE
		        while not self.closed:
		            self.read(deadline)
		        data, self.rest = self.rest, b""
		        return data.decode()

		    def nothing(self, seconds=0.2):
		        """Nothing comes; not even when others got something."""
		        assert not self.rest, self.rest
		        ready = select.select([self.socket], [], [], seconds)[0]
		        assert not ready, self.socket.recv(4096)

		    def close(self):
		        self.socket.close()
	EOF
}

// SPDX-License-Identifier: BSD-2-Clause
//
// Keeps the page that the server wrote up to date: a tick a second comes
// through "events", and what was before from "history.json".
'use strict';

(function () {
	const SECONDS = 600, WIDTH = 600, HEIGHT = 100;
	const QUIET = 3500; // milliseconds without a tick that are too many
	const samples = new Map();
	let last = 0, quiet = 0, pids = null;

	const at = (id) => document.getElementById(id);

	function put(id, text) {
		const element = at(id);
		if (element.textContent !== text)
			element.textContent = text;
	}

	// --- as the server writes them ---

	const number = (n) => n.toLocaleString('en-US');

	function microseconds(us) {
		if (us < 1000)
			return us + ' µs';
		if (us < 1000000)
			return (us / 1e3).toFixed(1) + ' ms';
		return (us / 1e6).toFixed(2) + ' s';
	}

	function uptime(s) {
		const two = (n) => String(n).padStart(2, '0');
		const days = Math.floor(s / 86400);
		const time = two(Math.floor(s / 3600) % 24) + ':' +
			two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
		return days ? days + ' d ' + time : time;
	}

	function clock(c) {
		if (c.synchronised === null)
			return 'How the clock is kept cannot be known here.';
		return c.synchronised ?
			'The clock is synchronised, and off by ' +
			microseconds(c.maximum_error_us) + ' at most.' :
			'The clock is not synchronised.';
	}

	function date(time) {
		return new Date(time).toLocaleDateString('en-GB', {
			weekday: 'long', day: 'numeric', month: 'long',
			year: 'numeric', timeZone: 'UTC'
		}).replace(',', '');
	}

	// --- plots ---

	function roof(most, least) {
		let top = least;
		for (let k = 0; top < most; k++)
			top *= k % 3 === 1 ? 2.5 : 2;
		return top;
	}

	// Each run of seconds that are there is a curve, and an area below it.
	function path(now, of, top, area) {
		let d = '', run = 0;
		for (let x = 0; x <= SECONDS; x++) {
			const s = x < SECONDS &&
				samples.get(now - SECONDS + 1 + x);
			if (s) {
				const y = (HEIGHT - of(s) / top * HEIGHT)
					.toFixed(1);
				d += run++ ? 'L' + x + ' ' + y :
					area ? 'M' + x + ' ' + HEIGHT + 'L' + x + ' ' + y :
					'M' + x + ' ' + y;
			} else if (run) {
				d += area ? 'L' + (x - 1) + ' ' + HEIGHT + 'Z' : '';
				run = 0;
			}
		}
		return d;
	}

	function plot(id, now, area, curve, least, text) {
		const figure = at(id);
		let most = 0;
		for (const s of samples.values())
			most = Math.max(most, area(s), curve(s));
		const top = roof(most, least);
		figure.querySelector('.area').setAttribute('d',
			path(now, area, top, true));
		figure.querySelector('.curve').setAttribute('d',
			path(now, curve, top, false));
		figure.querySelector('.top').textContent = text(top);
		figure.querySelector('title').textContent =
			figure.dataset.says + ', ' + text(most) + ' at most';
	}

	function plots(now) {
		for (const second of samples.keys())
			if (second <= now - SECONDS || second > now)
				samples.delete(second);
		plot('plot-connections', now, (s) => s.connections,
			(s) => s.connections, 10, number);
		plot('plot-lateness', now, (s) => s.max_us, (s) => s.p99_us,
			1000, microseconds);
	}

	// --- tables ---

	function cell(name, text, kind) {
		const element = document.createElement(name);
		if (name === 'th')
			element.scope = 'row';
		if (kind)
			element.className = kind;
		element.append(...[].concat(text));
		return element;
	}

	function mark(state) {
		const element = cell('span', state, 'mark');
		element.dataset.state = state;
		return element;
	}

	// What stays the same stays: somebody may be marking it.
	function renew(old, row) {
		if (!old.cloneNode(false).isEqualNode(row.cloneNode(false)) ||
			old.cells.length !== row.cells.length) {
			old.replaceWith(row);
			return;
		}
		[...row.cells].forEach((one, i) => {
			if (!old.cells[i].isEqualNode(one))
				old.cells[i].replaceWith(one);
		});
	}

	function fill(id, rows) {
		const body = at(id);
		rows.forEach((row, i) => {
			if (body.rows[i])
				renew(body.rows[i], row);
			else
				body.append(row);
		});
		while (body.rows.length > rows.length)
			body.rows[rows.length].remove();
	}

	function worker(w) {
		const row = document.createElement('tr');
		row.id = 'worker-' + w.slot;
		row.dataset.pid = w.pid;
		row.append(cell('th', String(w.number)),
			cell('td', mark(w.state)),
			cell('td', number(w.connections), 'n'),
			cell('td', number(w.accepted), 'n wide'),
			cell('td', number(w.ticks), 'n wide'),
			cell('td', number(w.skipped), 'n wide'),
			cell('td', microseconds(w.lateness_us.p99), 'n'),
			cell('td', String(w.generation), 'n wide'),
			cell('td', String(w.pid), 'n wide'));
		if (pids && !pids.has(w.pid))
			row.className = 'changed';
		return row;
	}

	function service(s) {
		const row = document.createElement('tr');
		const name = [s.name];
		if (s.type !== s.name)
			name.push(' ', cell('small', s.type));
		if (s.paused)
			name.push(' ', mark('paused'));
		const listen = s.listen.flatMap((text, i) =>
			i ? [document.createElement('br'), text] : [text]);
		row.append(cell('th', name), cell('td', listen),
			cell('td', number(s.connections), 'n'),
			cell('td', number(s.accepted), 'n wide'),
			cell('td', number(s.requests), 'n'),
			cell('td', number(s.ticks), 'n wide'),
			cell('td', number(s.refused), 'n wide'));
		return row;
	}

	function handoff(h) {
		const row = document.createElement('tr');
		row.append(cell('td', [cell('span', h.time.slice(0, 10) + ' ', 'wide'),
				h.time.slice(11, 19)]),
			cell('td', h.cause),
			cell('td', String(h.generation), 'n wide'),
			cell('td', number(h.connections), 'n'),
			cell('td', microseconds(h.took_us), 'n'));
		return row;
	}

	function nothing(text, columns) {
		const row = document.createElement('tr');
		const only = cell('td', text, 'none');
		only.colSpan = columns;
		row.append(only);
		return row;
	}

	// --- a tick ---

	function figures(tick) {
		const status = tick.status, sample = tick.sample;
		put('state', status.state);
		at('state').dataset.state = status.state;
		document.title = 'timed: ' + status.state;
		put('clock', clock(tick.clock));
		at('clock').dataset.synchronised = tick.clock.synchronised;
		put('connections', number(status.totals.connections));
		put('ticks', number(sample.ticks));
		put('requests', number(sample.requests));
		put('late', microseconds(sample.p99_us));
		put('generation', String(status.generation));
		put('uptime', uptime(status.uptime_seconds));
		put('totals', totals(status));
	}

	function totals(status) {
		return 'reloads ' + number(status.reloads) +
			', upgrades ' + number(status.upgrades) +
			', workers died ' + number(status.totals.crashes) +
			'; clients accepted ' + number(status.totals.accepted) +
			', refused ' + number(status.totals.refused);
	}

	function tables(status) {
		fill('workers', status.workers.map(worker));
		pids = new Set(status.workers.map((w) => w.pid));
		fill('services', status.services.map(service));
		fill('handoffs', status.handoffs.length ?
			status.handoffs.map(handoff) :
			[nothing('none since timed was started', 5)]);
	}

	function ticked(event) {
		const tick = JSON.parse(event.data);
		put('time', tick.time.slice(11, 19));
		put('date', date(tick.time));
		figures(tick);
		tables(tick.status);
		if (tick.sample.second)
			samples.set(tick.sample.second, tick.sample);
		last = Date.parse(tick.time) / 1000;
		plots(last);
		lively();
	}

	// --- the way to the server ---

	function lively() {
		put('link', '');
		clearTimeout(quiet);
		quiet = setTimeout(() => put('link',
			'No word from timed since ' + at('time').textContent), QUIET);
	}

	async function remember() {
		try {
			const answer = await fetch('history.json');
			const history = await answer.json();
			for (const sample of history.samples)
				samples.set(sample.second, sample);
			if (last)
				plots(last);
		} catch (error) {
			// It is asked for again with the next connection.
		}
	}

	function follow() {
		const events = new EventSource('events');
		events.onopen = remember;
		events.onmessage = ticked;
		// After an answer that is no stream it does not try again itself.
		events.onerror = () => {
			if (events.readyState === EventSource.CLOSED)
				setTimeout(follow, 2000);
		};
	}

	lively();
	follow();
})();

// What the pages do beyond htmx: charts that follow the colours, and a page that learns that its session ended. Everything works without.
(function () {
  'use strict';
  // A menu closes on Escape and when something else is pressed.
  function close(except) {
    document.querySelectorAll('details.menu[open], details.navmenu[open]').forEach(function (d) {
      if (!except || !d.contains(except)) d.removeAttribute('open');
    });
  }
  document.addEventListener('click', function (e) { close(e.target); });
  document.addEventListener('keydown', function (e) { if (e.key === 'Escape') close(); });
  // A button that was pressed says that it works, and is not pressed twice; one that saves a file leaves the page as it is.
  document.addEventListener('submit', function (e) {
    var form = e.target;
    if (form.method !== 'post' || 'file' in form.dataset) return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = '1';
    form.setAttribute('aria-busy', 'true');
  });
  window.addEventListener('pageshow', function () {
    document.querySelectorAll('form[data-sent]').forEach(function (f) { delete f.dataset.sent; f.removeAttribute('aria-busy'); });
  });
  // A button that copies what a field holds is shown where it works.
  document.addEventListener('DOMContentLoaded', function () {
    document.querySelectorAll('button[data-copy]').forEach(function (b) {
      if (!navigator.clipboard) return;
      b.hidden = false;
      b.addEventListener('click', function () {
        var field = document.getElementById(b.dataset.copy);
        field.select();
        navigator.clipboard.writeText(field.value).then(function () { b.textContent = b.dataset.done; }, function () {});
      });
    });
  });
  // Charts: a table with class "chart" is drawn above itself; its first column are the times or days, the others the lines.
  function draw(table) {
    if (!window.uPlot || table.dataset.drawn) return;
    table.dataset.drawn = '1';
    var css = getComputedStyle(document.documentElement);
    var colours = ['--accent', '--accent', '--note', '--note'].map(function (n) { return css.getPropertyValue(n).trim(); });
    var heads = Array.prototype.map.call(table.tHead.rows[0].cells, function (c) { return c.textContent; });
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    var names = rows.map(function (r) { return r.cells[0].textContent; });
    var data = heads.map(function (_, i) {
      return rows.map(function (r, n) { return i === 0 ? n : r.cells[i].dataset.value === undefined || r.cells[i].dataset.value === '' ? null : +r.cells[i].dataset.value; });
    });
    var box = document.createElement('div');
    box.className = 'plot';
    box.setAttribute('aria-hidden', 'true');
    var anchor = table.closest('details') || table;
    anchor.parentNode.insertBefore(box, anchor);
    var axis = { stroke: css.getPropertyValue('--soft').trim(), grid: { stroke: css.getPropertyValue('--line').trim(), width: 1 }, ticks: { show: false } };
    var plot = new uPlot({
      width: box.clientWidth, height: 220, padding: [null, 32, null, null], scales: { x: { time: false } }, legend: { show: true },
      axes: [Object.assign({ values: function (u, at) { return at.map(function (n) { return names[n] || ''; }); } }, axis), Object.assign({ size: 60 }, axis)],
      series: [{ label: heads[0], value: function (u, n) { return names[n] || ''; } }].concat(heads.slice(1).map(function (label, i) {
        return { label: label, stroke: colours[i % colours.length], width: 2, dash: i % 2 ? [5, 5] : undefined, points: { show: false } };
      }))
    }, data, box);
    new ResizeObserver(function () { if (box.clientWidth) plot.setSize({ width: box.clientWidth, height: 220 }); }).observe(box);
  }
  function all() { document.querySelectorAll('table.chart').forEach(draw); }
  document.addEventListener('DOMContentLoaded', all);
  document.addEventListener('htmx:afterSwap', function () { document.querySelectorAll('.plot').forEach(function (p) { if (!p.parentNode.querySelector('table.chart')) p.remove(); }); all(); });
  // A part that was asked for when nobody was signed in any more stays as it is.
  document.addEventListener('htmx:beforeSwap', function (e) {
    if (e.detail.xhr.responseURL.indexOf('/console') < 0) e.detail.shouldSwap = false;
  });
  // A page follows what happens while it is seen. Browsers open six connections to a server, and keep pages behind the back button with theirs: a page
  // that is left or covered closes its own, and is told what it missed when it is seen again.
  function follow(address) {
    var stream = new EventTarget(), listen = stream.addEventListener, kinds = {}, source;
    function pass(e) { stream.dispatchEvent(new Event(e.type)); }
    function leave() {
      if (source) source.close();
      source = null;
    }
    function end() {
      leave();
      stream.readyState = EventSource.CLOSED;
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('pageshow', look);
    }
    function look() {
      if (document.hidden) return leave();
      if (source) return;
      source = new EventSource(address);
      source.onopen = function () { if (stream.onopen) stream.onopen(); };
      source.onerror = function (e) {
        if (source.readyState === EventSource.CLOSED) end(); // htmx asks for another
        if (stream.onerror) stream.onerror(e);
      };
      source.addEventListener('signed-out', end); // what is typed stays, and sending it leads through signing in
      for (var kind in kinds) source.addEventListener(kind, pass);
    }
    stream.readyState = EventSource.CONNECTING;
    stream.close = end;
    stream.addEventListener = function (kind, heard) {
      if (!kinds[kind] && source) source.addEventListener(kind, pass);
      kinds[kind] = true;
      listen.call(stream, kind, heard);
    };
    document.addEventListener('visibilitychange', look);
    window.addEventListener('pagehide', leave);
    window.addEventListener('pageshow', look);
    look();
    return stream;
  }
  if (window.htmx) htmx.createEventSource = follow;
})();

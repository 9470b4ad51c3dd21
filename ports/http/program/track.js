// Leadmill: keeps the referral key of a visit in cookies of the seller's own page, and takes over Partnero's snippet
// (docs/partner-program.md). Without a program nothing is sent anywhere.
(function () {
  "use strict";

  var PARTNER = "partnero_partner", CLICKED = "partnero_clicked_at";
  var KEY = /^[A-Za-z0-9._~-]{1,64}$/, TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

  // A global of this name may be the page's: an object gets our members, anything else stays.
  var api = window.leadmill;
  if (api && typeof api.consent === "function" && typeof api.clickedAt === "function") {
    if (typeof api.takeOver === "function") api.takeOver();
    return;
  }
  if (api === undefined || api === null) api = window.leadmill = {};

  var script = document.currentScript; // later it is another, or none
  function setting(name) { return (script && script.getAttribute("data-" + name)) || ""; }

  var base = ((script && script.src) || "").split(/[?#]/)[0].replace(/\/(track|js\/universal)\.js$/, "") + "/track/";
  var search = location.search, began = new Date().toISOString();
  var param = setting("param") || "aff", life = lifetime(setting("days"));
  var first = setting("touch") === "first";
  var allowed = setting("consent") === "wait" ? null : true; // null: nobody has said yet
  var program = "", known = true; // the parameter and lifetime are
  var seen = null, stored = false, viewed = false, watching = false, later = [], warned = {};

  function lifetime(text) {
    var days = parseInt(text, 10);
    return Math.min(Math.max(isNaN(days) ? 30 : days, 1), 3650) * 86400;
  }

  function warn(text) {
    if (warned[text] || !window.console) return;
    warned[text] = true;
    console.warn("leadmill: " + text);
  }

  function fromAddress() {
    var parts = search.slice(1).split("&");
    for (var i = 0; i < parts.length; i++) {
      var at = parts[i].indexOf("=");
      try {
        var value = decodeURIComponent(parts[i].slice(at + 1));
        if (at > 0 && decodeURIComponent(parts[i].slice(0, at)) === param && KEY.test(value)) {
          return { key: value, at: began };
        }
      } catch (e) { /* not in UTF-8 */ }
    }
    return null;
  }

  function cookie(name, form) {
    try {
      var all = document.cookie.split(/; */);
      for (var i = 0; i < all.length; i++) {
        var value = all[i].slice(name.length + 1);
        if (all[i].indexOf(name + "=") === 0 && form.test(value)) return value;
      }
    } catch (e) { /* as in a sandbox */ }
    return null;
  }

  function setCookie(name, value, seconds) {
    try {
      document.cookie = name + "=" + value + "; Path=/; Max-Age=" + seconds + "; SameSite=Lax" +
        (location.protocol === "https:" ? "; Secure" : "");
    } catch (e) { /* as in a sandbox */ }
  }

  function kept() {
    var key = cookie(PARTNER, KEY);
    return key && { key: key, at: cookie(CLICKED, TIME) };
  }

  function current() {
    if (allowed === false) return null;
    var old = kept();
    return !seen || (old && (first || stored)) ? old : seen;
  }

  // Without again, inputs that were filled stay: a visitor may have changed them.
  function fill(again) {
    var now = current();
    if (!known || allowed === null || (!now && allowed)) return;
    var inputs = document.querySelectorAll("input[name=" + PARTNER + "],input[name=" + CLICKED + "]");
    for (var i = 0; i < inputs.length; i++) {
      var input = inputs[i];
      if (input.leadmillFilled && !again) continue;
      input.value = (now && (input.name === PARTNER ? now.key : now.at)) || "";
      input.leadmillFilled = true;
    }
  }

  // Does what may be done: all of it once the program is known and the visitor agrees.
  function go() {
    if (known && allowed) {
      if (seen && !stored && !(first && kept())) {
        setCookie(PARTNER, seen.key, life);
        setCookie(CLICKED, seen.at, life);
        stored = true;
      }
      if (seen && program && !viewed) {
        viewed = true;
        send("/clicks", { key: seen.key });
      }
      if (program) later.splice(0).forEach(signUp);
    }
    fill(true);
  }

  function send(path, body) {
    // Text needs no preflight; keepalive outlives the page.
    return fetch(base + encodeURIComponent(program) + path, {
      method: body ? "POST" : "GET", body: body && JSON.stringify(body), keepalive: !!body, credentials: "omit"
    }).then(function (answer) {
      if (!answer.ok) throw answer.status;
      return answer.json();
    }).then(null, function (why) { warn("refused: " + (path || "the program") + " (" + why + ")"); });
  }

  function load(key) {
    if (program || !window.fetch) return;
    program = key;
    known = stored = false;
    seen = null;
    send("").then(function (answer) {
      known = true;
      if (answer) {
        param = answer.data.link_parameter;
        life = lifetime(answer.data.cookie_lifetime);
        seen = fromAddress();
      } else {
        program = "";
      }
      go();
    });
  }

  function signUp(data) {
    if (!program || !known || allowed === null) return later.push(data);
    var now = current();
    if (now) {
      send("/customers", { partner: { key: now.key }, options: { clicked_at: now.at }, customer: data });
    }
  }

  // A form with an email is a sign-up.
  function watch() {
    if (watching) return;
    watching = true;
    document.addEventListener("submit", function (event) {
      var found = {}, inputs = event.target.querySelectorAll("input[type=text],input[type=email],input:not([type])");
      for (var i = 0; i < inputs.length; i++) {
        var input = inputs[i], value = input.value.trim();
        var name = ((input.name || input.id).replace(/[^a-z]/gi, "") + " " + input.autocomplete).toLowerCase();
        var is = input.type === "email" || /email/.test(name) ? "email" : /(last|family|sur|^l)-?name/.test(name) ? "surname" :
          /(^| |given-)(first|full|your|given|f)?name( |$)/.test(name) ? "name" : "";
        if (value && is && !found[is]) found[is] = value;
      }
      if (found.email) signUp(found);
    }, true);
  }

  function call(a) {
    var what = a[0], act = a[1], more = a[2];
    if (what === "program" && typeof act === "string" && (more === undefined || more === "load")) return load(act);
    if (what === "customers" && act === "signup" && more && typeof more === "object") return signUp(more.data || more);
    if (what === "integration" && act === "universal") return watch();
    if (what === "settings" && act === "consent" && more === "wait") return !stored && (allowed = null);
    if (what === "settings" && act === "assets_host") return;
    warn("po('" + what + "', '" + act + "') is not supported");
  }

  // Partnero's loader queues {a: arguments} and returns what push returns.
  function takeOver() {
    var po = window[window.__partnerObject || "po"], queue = po && po.q;
    if (!queue || !queue.splice || queue.leadmill) return;
    queue.leadmill = true;
    queue.push = function (c) {
      call(c.a || c);
      return function more() { warn("po()() is not supported"); return more; };
    };
    queue.splice(0).forEach(queue.push);
  }

  try {
    api.consent = function (given) {
      allowed = given === true;
      if (!allowed) {
        later = [];
        setCookie(PARTNER, "", 0);
        setCookie(CLICKED, "", 0);
        stored = false;
      }
      go();
    };
    api.key = function () { var now = current(); return now && now.key; };
    api.clickedAt = function () { var now = current(); return now && now.at; };
    api.takeOver = takeOver;
  } catch (e) { /* the page's own global takes no members */ }

  takeOver();
  if (setting("program")) load(setting("program"));
  if (known) seen = fromAddress();
  go();
  document.addEventListener("DOMContentLoaded", function () { fill(true); });
  if (window.MutationObserver) {
    new MutationObserver(function () { fill(false); }).observe(document.documentElement, { childList: true, subtree: true });
  }
})();

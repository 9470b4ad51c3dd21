// Leadmill: keeps the referral key of a visit in cookies of the seller's own page.
//
//   <script src="https://partners.example.com/track.js" data-param="aff" data-days="30" async></script>
//
// data-param    the parameter of the page's address that holds the key (aff)
// data-days     how long the cookies live, 1 to 3650 days (30); browsers shorten it: Safari to 7 days, Chromium to 400
// data-touch    "last" (the default): a visit with a key replaces the kept one, as the page knows only the latest touch.
//               "first": a kept key stays as it is; which touch counts is decided by the program, not here.
// data-consent  "wait": the key stays in memory until leadmill.consent(true)
//
// leadmill.consent(true) stores, leadmill.consent(false) deletes and forbids; leadmill.key() and leadmill.clickedAt() answer
// a string or null. Cookies and hidden inputs: partnero_partner, and partnero_clicked_at (UTC, ISO 8601).
// The first load on a page counts, later ones do nothing. Nothing is sent anywhere.
(function () {
  "use strict";

  var PARTNER = "partnero_partner", CLICKED = "partnero_clicked_at";
  var KEY = /^[A-Za-z0-9._~-]{1,64}$/, TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

  // A page may have a global of this name: an object gets our members, anything else stays what it is.
  var api = window.leadmill;
  if (api && typeof api.consent === "function" && typeof api.clickedAt === "function") return;
  if (api === undefined || api === null) api = window.leadmill = {};

  var script = document.currentScript; // only now: later it is another, or none
  function setting(name) { return (script && script.getAttribute("data-" + name)) || ""; }

  var param = setting("param") || "aff";
  var days = parseInt(setting("days"), 10);
  var life = Math.min(Math.max(isNaN(days) ? 30 : days, 1), 3650) * 86400;
  var first = setting("touch") === "first";
  var allowed = setting("consent") === "wait" ? null : true; // null: nobody has said yet
  var seen = fromAddress(), stored = false;

  function fromAddress() {
    var parts = location.search.slice(1).split("&");
    for (var i = 0; i < parts.length; i++) {
      var at = parts[i].indexOf("=");
      try {
        var value = decodeURIComponent(parts[i].slice(at + 1));
        if (at > 0 && decodeURIComponent(parts[i].slice(0, at)) === param && KEY.test(value)) {
          return { key: value, at: new Date().toISOString() };
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
    } catch (e) { /* the page may have no cookies */ }
    return null;
  }

  function setCookie(name, value, seconds) {
    try {
      document.cookie = name + "=" + value + "; Path=/; Max-Age=" + seconds + "; SameSite=Lax" +
        (location.protocol === "https:" ? "; Secure" : "");
    } catch (e) { /* the page may have no cookies */ }
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

  function store() {
    if (allowed !== true || !seen || stored || (first && kept())) return;
    setCookie(PARTNER, seen.key, life);
    setCookie(CLICKED, seen.at, life);
    stored = true;
  }

  // Without again, inputs that were filled before stay: a visitor may have changed them.
  function fill(again) {
    var now = current();
    if (!now && allowed !== false) return;
    var inputs = document.querySelectorAll("input[name=" + PARTNER + "],input[name=" + CLICKED + "]");
    for (var i = 0; i < inputs.length; i++) {
      var input = inputs[i];
      if (input.leadmillFilled && !again) continue;
      input.value = (now && (input.name === PARTNER ? now.key : now.at)) || "";
      input.leadmillFilled = true;
    }
  }

  function consent(given) {
    allowed = given === true;
    if (allowed) {
      store();
    } else {
      setCookie(PARTNER, "", 0);
      setCookie(CLICKED, "", 0);
      stored = false;
    }
    fill(true);
  }

  try {
    api.consent = consent;
    api.key = function () { var now = current(); return now && now.key; };
    api.clickedAt = function () { var now = current(); return now && now.at; };
  } catch (e) { /* the page's own global takes no members */ }

  store();
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", function () { fill(true); });
  } else {
    fill(true);
  }
  if (window.MutationObserver) {
    new MutationObserver(function () { fill(false); }).observe(document.documentElement, { childList: true, subtree: true });
  }
})();

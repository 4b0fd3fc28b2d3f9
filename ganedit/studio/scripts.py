"""The few lines of JavaScript that the page needs beyond its components."""

from __future__ import annotations

import json

ALIVE = "/alive"
"""Path that answers with the name of this run of the server, without a password and without work."""
LOST = (
    "The connection to ganedit studio is lost. If it was stopped, start it again with “ganedit studio”, then "
    "reload this page; what was not downloaded is gone."
)
RESTARTED = "ganedit studio was started anew. Reload this page, and choose your photo again."

DESCRIBE = """
() => new MutationObserver(() => document.querySelectorAll('.compare').forEach(pair =>
  pair.querySelectorAll('img').forEach((img, at) => { if (!img.alt) img.alt = at ? 'After' : 'Before'; })
)).observe(document.body, {childList: true, subtree: true})
"""
"""Gives the pictures of comparisons alternative texts, which the component lacks."""

_WATCH = """<script>
(() => {
  const [run, path, lost, restarted] = %s;
  let missed = 0;
  function tell(text) {
    let banner = document.getElementById('connection');
    if (!banner) {
      banner = Object.assign(document.createElement('p'), {id: 'connection', role: 'alert'});
      document.body.append(banner);
    }
    if (banner.textContent !== text) banner.textContent = text;
    banner.hidden = !text;
  }
  async function ask() {
    try {
      const answer = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(20000)});
      if (!answer.ok) throw answer.status;
      const same = await answer.text() === run;
      missed = 0;
      if (document.getElementById('connection') || !same) tell(same ? '' : restarted);
    } catch {
      missed += 1;
      if (missed > 1) tell(lost);
    }
    setTimeout(ask, missed ? 1000 : 3000);
  }
  ask();
})();
</script>"""


def watch(run: str) -> str:
    """A script for the head of the page, which says in a banner when the server no longer answers.

    Args:
        run: Name of this run of the server.
    """
    return _WATCH % json.dumps([run, ALIVE.lstrip("/"), LOST, RESTARTED])

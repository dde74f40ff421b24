#include "start_page.h"

#include "relata/base/html.h"

namespace relata::serve {
namespace {

constexpr const char* kStyle = R"css(
main { max-width: none; }
form { display: flex; flex-direction: column; gap: .6rem; max-width: 72rem; margin: 0 auto; }
textarea { width: 100%; height: 9rem; font: inherit; padding: .5rem; resize: vertical;
  background: var(--card); color: var(--text); border: 1px solid var(--line); border-radius: .6rem; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; }
button { font: inherit; padding: .35rem 1rem; cursor: pointer; }
.bad { color: var(--wrong); }
iframe { width: 100%; height: 80vh; border: 0; margin-top: 1rem; }
)css";

constexpr const char* kScript = R"js(
const form = document.querySelector('form'), state = document.querySelector('#state');
const text = document.querySelector('textarea'), button = document.querySelector('button');
const frame = document.querySelector('iframe'), shown = document.querySelector('output');
const least = document.querySelector('#least'), all = document.querySelector('#usual');
function tell(words, bad) { state.textContent = words; state.className = bad ? 'bad' : ''; }
function show() { shown.textContent = all.checked ? '' : Number(least.value).toFixed(2); least.disabled = all.checked; }
least.oninput = all.onchange = show;
show();
form.onsubmit = async event => {
  event.preventDefault();
  if (!text.value.trim()) { tell('Write or paste a text first.', true); return; }
  const asked = { text: text.value, extractor: document.querySelector('select').value };
  if (!all.checked) asked.min_score = Number(least.value);
  button.disabled = true;
  const begin = Date.now();
  const clock = setInterval(() => tell('Reading, ' + Math.round((Date.now() - begin) / 1000) + ' s'), 250);
  const headers = { 'Content-Type': 'application/json' }, key = document.querySelector('#key');
  if (key) headers.Authorization = 'Bearer ' + key.value;
  try {
    const answer = await fetch('v1/page', { method: 'POST', body: JSON.stringify(asked), headers });
    const body = await answer.text();
    clearInterval(clock);
    if (answer.ok) {
      frame.srcdoc = body;
      tell('Read in ' + ((Date.now() - begin) / 1000).toFixed(1) + ' s.');
    } else {
      const error = JSON.parse(body).error;
      tell(error.message + (error.hint ? ' (' + error.hint + ')' : ''), true);
    }
  } catch (problem) {
    clearInterval(clock);
    tell('The server does not answer: ' + problem.message, true);
  }
  button.disabled = false;
};
text.onkeydown = event => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit(); };
)js";

}  // namespace

std::string start_page(const std::vector<Service>& services, bool asks_key) {
  std::string choices;
  for (const Service& service : services) {
    if (service.needs_entities) continue;  // a text alone has nothing to ask about
    choices += "<option>" + escape_html(service.name) + "</option>";
  }
  std::string body =
      "<form>\n"
      "<textarea placeholder=\"A text, in a language that the extractor was trained on\" "
      "aria-label=\"Text\" autofocus></textarea>\n<div class=\"row\">";
  body += "<button>Find facts</button><label>Extractor <select>" + choices + "</select></label>";
  body +=
      "<label><input type=\"checkbox\" id=\"usual\" checked> the extractor's own threshold</label>"
      "<label>at least <input type=\"range\" id=\"least\" min=\"0\" max=\"1\" step=\"0.01\" "
      "value=\"0.3\"> <output></output></label>";
  if (asks_key) {
    body += "<label>Key <input type=\"password\" id=\"key\" autocomplete=\"off\"></label>";
  }
  body += "<span id=\"state\" role=\"status\"></span></div></form>\n";
  body += "<iframe title=\"Facts\" sandbox=\"allow-scripts\"></iframe>\n<script>" +
          std::string(kScript) + "</script>\n";
  return html_page("Facts of a text", kStyle, body);
}

}  // namespace relata::serve

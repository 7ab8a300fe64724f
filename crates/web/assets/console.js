// What makes the pages livelier. All of them work without it.
"use strict";

// Forms that do something grave ask first, here; without this script the server asks, on a page of its own.
const dialog = document.getElementById("ask");
document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  const question = button?.dataset.ask ?? form.dataset.ask;
  if (!dialog || !question || form.dataset.sure) return;
  event.preventDefault();
  const picked = form.querySelectorAll("input[name=id]:checked").length;
  const everything = form.querySelector("input[name=all]")?.checked;
  const many = everything ? form.dataset.total : String(picked);
  dialog.querySelector("p").textContent = question.replace("{}", many);
  dialog.querySelector("[value=yes]").textContent = button?.dataset.yes ?? button?.textContent ?? "Yes";
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    const sure = document.createElement("input");
    sure.type = "hidden";
    sure.name = "sure";
    sure.value = "yes";
    form.append(sure);
    form.dataset.sure = "yes";
    form.requestSubmit(button);
  };
  dialog.showModal();
});

// Where there is little room, the menu waits to be asked for.
const narrow = matchMedia("(max-width: 52rem)");
const menu = document.querySelector(".side details");
const fold = () => menu && (menu.open = !narrow.matches);
narrow.addEventListener("change", fold);
fold();

// One tick for all rows of the page; without script there is none.
for (const all of document.querySelectorAll("[data-picks]")) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const one of document.querySelectorAll("input[name=" + all.dataset.picks + "]")) one.checked = all.checked;
  });
}

// What a chosen platform says about its server goes into the fields.
const preset = document.querySelector("select[data-fills]");
preset?.addEventListener("change", () => {
  const chosen = preset.selectedOptions[0];
  for (const [name, value] of Object.entries(chosen.dataset)) {
    const field = preset.form.elements[name];
    if (field) field.value = value;
  }
});

// What is under way tells how far it is. Each event is a thing's number and texts; elements say which of them they show.
const show = (thing, texts) => {
  for (const element of thing.querySelectorAll("[data-shows]")) {
    const text = texts[element.dataset.shows];
    if (text === undefined) continue;
    if (element instanceof HTMLProgressElement) {
      if (text === "") element.removeAttribute("value");
      else element.value = Number(text);
    } else if (element.textContent !== text) {
      element.textContent = text;
    }
    const tone = texts[element.dataset.shows + "_tone"];
    if (tone !== undefined) element.className = "mark " + tone;
  }
};
const stream = document.body.dataset.live;
if (stream) {
  const source = new EventSource(stream);
  source.addEventListener("changes", (event) => {
    const { migrations, overview } = JSON.parse(event.data);
    for (const { id, words } of migrations) {
      for (const thing of document.querySelectorAll('[data-migration="' + id + '"]')) show(thing, words);
    }
    if (!overview) return;
    for (const thing of document.querySelectorAll("[data-overview]")) show(thing, overview.words);
  });
  addEventListener("pagehide", () => source.close());
  // A page that comes back from the browser's memory is as old as it was left.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

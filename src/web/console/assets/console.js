"use strict";

// Adds the viewer's local time beside the client's, and counts selected posts.
// The pages work without this script.
(() => {
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const twoDigits = (number) => String(number).padStart(2, "0");

  // `time` is an element whose text is the client's local time. Nothing is added if the viewer's time is the same.
  function addViewerTime(time) {
    const at = new Date(time.dateTime);
    const clientTime = time.dataset.viewer || time.textContent;
    const clock = `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
    const date = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
    // If the text has no date, only the time of day can be compared.
    const isSameDay = !/\d [A-Z]/.test(clientTime) || new RegExp(`\\b${date}`).test(clientTime);
    const isAdded = time.nextElementSibling?.classList.contains("viewer");
    if (isAdded || Number.isNaN(at.getTime()) || !/\d:\d\d/.test(clientTime) || (isSameDay && clientTime.includes(clock))) {
      return;
    }
    const viewer = document.createElement("span");
    viewer.className = "viewer";
    viewer.textContent = isSameDay ? `${clock} your time` : `${DAYS[at.getDay()]} ${date}, ${clock} your time`;
    time.after(" ", viewer);
  }

  const checkboxesOf = (form) => [...form.querySelectorAll('input[name="ids"]')];
  const allows = (box, action) => box.dataset.actions.split(" ").includes(action);

  // Shows how many posts are selected, and to how many of them each action applies. Disables buttons that apply to none.
  function showSelection(form) {
    const boxes = checkboxesOf(form);
    const selected = boxes.filter((box) => box.checked);
    for (const all of form.querySelectorAll("[data-all]")) {
      const allowing = boxes.filter((box) => allows(box, all.dataset.all));
      const checked = allowing.filter((box) => box.checked).length;
      all.closest("label").hidden = allowing.length === 0;
      all.checked = checked > 0 && checked === allowing.length && checked === selected.length;
      all.indeterminate = checked > 0 && !all.checked;
    }
    form.querySelector("[data-count]").textContent = selected.length === 0 ? "None selected" : `${selected.length} selected`;
    for (const button of form.querySelectorAll("button[name=action]")) {
      const number = selected.filter((box) => allows(box, button.value)).length;
      button.disabled = number === 0;
      button.querySelector("[data-number]").textContent = number === 0 ? "" : `\u00a0${number}`;
    }
  }

  // On wide screens, opens the sections that are collapsed on phones.
  function expandOnWideScreen(details) {
    if (window.matchMedia("(min-width: 48.01rem)").matches && !details.dataset.isPrepared) {
      details.open = true;
    }
    details.dataset.isPrepared = "true";
  }

  function prepare() {
    document.querySelectorAll("time[data-viewer]").forEach(addViewerTime);
    document.querySelectorAll("form[data-select]").forEach(showSelection);
    document.querySelectorAll("details[data-wide-open]").forEach(expandOnWideScreen);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-select]");
    if (!form) {
      return;
    }
    if (event.target.matches("[data-all]")) {
      for (const box of checkboxesOf(form)) {
        box.checked = event.target.checked && allows(box, event.target.dataset.all);
      }
    }
    showSelection(form);
  });

  // pageshow fires after the browser has restored checkboxes; the other two after htmx has swapped content.
  window.addEventListener("pageshow", prepare);
  document.addEventListener("htmx:afterSettle", prepare);
  document.addEventListener("htmx:load", prepare);
})();

"use strict";

// Adds the viewer's own clock time beside the client's, and keeps count of selected posts.
// The pages work without it.
(() => {
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  const two = (number) => String(number).padStart(2, "0");

  // The text shows the client's local time. Where the viewer's clock shows the same, nothing is added.
  function addViewerTime(time) {
    const at = new Date(time.dateTime);
    const local = time.dataset.viewer || time.textContent;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
    const date = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
    // Where the text names no day, only the clock can be compared.
    const sameDay = !/\d [A-Z]/.test(local) || new RegExp(`\\b${date}`).test(local);
    const done = time.nextElementSibling?.classList.contains("viewer");
    if (done || Number.isNaN(at.getTime()) || !/\d:\d\d/.test(local) || (sameDay && local.includes(clock))) {
      return;
    }
    const viewer = document.createElement("span");
    viewer.className = "viewer";
    viewer.textContent = sameDay ? `${clock} your time` : `${DAYS[at.getDay()]} ${date}, ${clock} your time`;
    time.after(" ", viewer);
  }

  // Says how many posts are selected; at none there is nothing to approve or cancel.
  function count(form) {
    const boxes = [...form.querySelectorAll('input[name="ids"]')];
    const selected = boxes.filter((box) => box.checked).length;
    const all = form.querySelector("[data-all]");
    all.closest("label").hidden = boxes.length === 0;
    all.checked = selected > 0 && selected === boxes.length;
    all.indeterminate = selected > 0 && selected < boxes.length;
    form.querySelector("[data-count]").textContent = selected === 0 ? "None selected" : `${selected} selected`;
    for (const button of form.querySelectorAll("button[name=action]")) {
      button.disabled = selected === 0;
    }
  }

  function prepare() {
    document.querySelectorAll("time[data-viewer]").forEach(addViewerTime);
    document.querySelectorAll("form[data-select]").forEach(count);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-select]");
    if (!form) {
      return;
    }
    if (event.target.matches("[data-all]")) {
      for (const box of form.querySelectorAll('input[name="ids"]')) {
        box.checked = event.target.checked;
      }
    }
    count(form);
  });

  // pageshow comes after the browser has restored what was checked; the other two after htmx has swapped.
  window.addEventListener("pageshow", prepare);
  document.addEventListener("htmx:afterSettle", prepare);
  document.addEventListener("htmx:load", prepare);
})();

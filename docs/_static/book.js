// What scrolls by itself can be scrolled by keyboard: it is given a place in the order of the Tab key.
const reach = () => {
  for (const each of document.querySelectorAll("pre, .table-wrapper, .output")) {
    const scrolls = each.scrollWidth > each.clientWidth && getComputedStyle(each).overflowX !== "visible";
    const isReached = each.querySelector("a, button, input, [tabindex]") !== null;
    if (scrolls && !isReached) {
      each.tabIndex = 0;
    } else {
      each.removeAttribute("tabindex");
    }
  }
};
window.addEventListener("load", reach);
window.addEventListener("resize", reach);

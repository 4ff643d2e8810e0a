// textual.js focuses nothing: keys would be lost until the first click.
addEventListener("load", () => {
  document.querySelector("#terminal textarea").focus();
  new MutationObserver(() => {
    if (document.body.classList.contains("-closed")) {
      document.querySelector(".ended a").focus();
    }
  }).observe(document.body, { attributeFilter: ["class"] });
});

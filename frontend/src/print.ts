// A page for paper: the button prints it, or saves it as PDF.
document.querySelector("#print")?.addEventListener("click", () => window.print());

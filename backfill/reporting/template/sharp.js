// Charts are drawn with at least two pixels for each of the page's: printers have more than screens.
(() => {
  const screen = Object.getOwnPropertyDescriptor(window, "devicePixelRatio").get;
  Object.defineProperty(window, "devicePixelRatio", {
    get: () => Math.max(2, screen.call(window)), configurable: true,
  });
})();

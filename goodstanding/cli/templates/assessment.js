(() => {
  "use strict";
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("drawings").textContent);
  const settings = { displayModeBar: false, responsive: false };
  root.classList.add("drawn");
  for (const table of document.querySelectorAll("figure details")) table.open = false;

  // Colours are named by variables of the style, so that light, dark and paper each have their own.
  function coloured(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--[a-z0-9-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((one) => coloured(one, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, style)]));
  }

  // On a narrow page: names of routes in short lines, and no more marks on the axis than there is room for.
  function narrowed(layout) {
    const { xaxis, yaxis } = layout;
    if (layout.width > 600 || !yaxis.automargin || !xaxis.tickvals) return;
    yaxis.ticktext = yaxis.ticktext.map((text) => text.replace(/(.{9,}?) /g, "$1<br>"));
    const every = Math.ceil((xaxis.tickvals.length * 44) / (layout.width - 130));
    for (const ticks of ["tickvals", "ticktext"]) xaxis[ticks] = xaxis[ticks].filter((_, at) => at % every === 0);
    xaxis.tickangle = 0;
    for (const one of layout.annotations || []) one.font.size = 9;
  }

  function draw(width) {
    const style = getComputedStyle(root);
    for (const figure of figures) {
      const place = document.getElementById("chart-" + figure.slug);
      const layout = coloured(figure.layout, style);
      layout.width = width ? width(place) : place.clientWidth;
      layout.height = figure.height;
      narrowed(layout);
      Plotly.react(place, coloured(figure.data, style), layout, settings);
    }
  }

  let waiting = 0;
  const again = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => draw());
  };
  draw();
  addEventListener("resize", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  addEventListener("beforeprint", () => {
    root.classList.add("paper");
    draw((place) => (place.closest(".panels") ? 325 : 680)); // A4 without its margins, one or two beside each other
  });
  addEventListener("afterprint", () => {
    root.classList.remove("paper");
    again();
  });
})();

// Draws the figures of a page in its theme's colours, and again when the theme changes.
"use strict";

(() => {
  // Plotly brings the style of its maps as text, which the page's policy refuses; nobody draws maps
  // with it here, and it leaves the style out where an element of this name is there.
  const map = document.createElement("template");
  map.id = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
  document.head.append(map);

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function painted(trace) {
    if (trace.ami === undefined) return trace;
    const paint = colour(`--plot-${trace.ami % 6}`);
    return {
      ...trace,
      marker: { color: paint, ...trace.marker },
      line: { color: paint, ...trace.line },
    };
  }

  function axis(own) {
    const line = colour("--line");
    return { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true, ...own };
  }

  function draw(place) {
    const { data, layout } = JSON.parse(document.getElementById(`${place.id}-figure`).textContent);
    const look = {
      height: Number(place.dataset.height),
      margin: { l: 48, r: 16, t: 16, b: 40 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--sheet"), font: { color: colour("--ink") } },
      legend: { orientation: "h", y: 1.12, x: 0 },
      showlegend: data.length > 1,
      transition: still.matches ? { duration: 0 } : undefined,
      ...layout,
    };
    for (const name of ["xaxis", "yaxis", "xaxis2", "yaxis2", "yaxis3"]) {
      if (name.length === 5 || (layout && layout[name])) look[name] = axis(layout && layout[name]);
    }
    const spanish = document.documentElement.lang === "es";
    return window.Plotly.react(place, data.map(painted), look, {
      responsive: true,
      displaylogo: false,
      displayModeBar: false,
      locale: "en",
      ...(spanish ? { separators: ", " } : {}),
    }).then(() => {
      place.dataset.drawn = "1";
    });
  }

  function all() {
    for (const place of document.querySelectorAll(".plot")) draw(place);
  }

  document.addEventListener("DOMContentLoaded", all); // after Plotly, which is deferred as well
  document.addEventListener("renewed", all);
  dark.addEventListener("change", all);
})();

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
      legend: { orientation: "h", yanchor: "bottom", y: 1.02, x: 0 },
      showlegend: data.length > 1,
      transition: still.matches ? { duration: 0 } : undefined,
      ...layout,
    };
    for (const name of ["xaxis", "yaxis", "xaxis2", "yaxis2", "yaxis3"]) {
      if (name.length === 5 || (layout && layout[name])) look[name] = axis(layout && layout[name]);
    }
    return window.Plotly.react(place, data.map(painted), look, {
      responsive: true,
      displaylogo: false,
      displayModeBar: false,
      locale: document.documentElement.lang,
    }).then(() => {
      place.dataset.drawn = "1";
    });
  }

  function tongues() {
    const short = (locale, style, dates) =>
      dates.map((at) => new Intl.DateTimeFormat(locale, { ...style, timeZone: "UTC" }).format(at));
    const months = Array.from({ length: 12 }, (_, month) => Date.UTC(2026, month, 15));
    const days = Array.from({ length: 7 }, (_, day) => Date.UTC(2026, 10, 1 + day)); // from a Sunday
    window.Plotly.register({
      moduleType: "locale",
      name: "es",
      dictionary: {},
      format: {
        days: short("es", { weekday: "long" }, days),
        shortDays: short("es", { weekday: "short" }, days),
        months: short("es", { month: "long" }, months),
        shortMonths: short("es", { month: "short" }, months),
        date: "%d-%m-%Y",
        decimal: ",",
        thousands: "\u202f",
        grouping: [3],
      },
    });
  }

  function all() {
    for (const place of document.querySelectorAll(".plot")) draw(place);
  }

  document.addEventListener("DOMContentLoaded", () => {
    tongues(); // after Plotly, which is deferred as well
    all();
  });
  document.addEventListener("renewed", () => window.Plotly && all()); // else it is yet to come
  dark.addEventListener("change", all);
})();

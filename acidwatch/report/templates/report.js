"use strict";
// Draws the small multiples and the pages of sites from the data in the page. Text only ever becomes text nodes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [firstYear, lastYear] = data.period;
  const overview = document.getElementById("overview"), page = document.getElementById("site");
  const title = document.title;
  const sites = new Map(data.sites.map((site) => [site.key, site]));
  document.documentElement.classList.add("script");

  const el = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(key, value);
    node.append(...children.filter((child) => child !== null));
    return node;
  };

  // Numbers, as figures.py writes them.
  const number = (value, digits = 3) => {
    if (value === null || value === undefined) return "–";
    const rounded = Number(value.toPrecision(digits));
    if (rounded === 0) return "0";
    const after = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
    return rounded.toFixed(after).replace("-", "−");
  };
  const signed = (value) => (value > 0 ? "+" : "") + number(value, 2);
  const probability = (p) => (p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`);
  const median = (values) => d3.quantile(values, 0.5);

  // The Sen line and its fan: through the middle of the values, with the slope and the ends of its interval.
  const senLines = (points, [slope, low, high]) => {
    const inside = points.filter(([year]) => year >= firstYear && year <= lastYear);
    if (slope === null || inside.length === 0) return null;
    const middle = median(inside.map(([year]) => year));
    const level = median(inside.map(([year, value]) => value - slope * (year - middle)));
    const at = (year, along) => level + along * (year - middle);
    return {
      line: [firstYear, lastYear].map((year) => [year, at(year, slope)]),
      fan: [firstYear, middle, lastYear].map((year) => {
        const ends = [at(year, low), at(year, high)];
        return [year, Math.min(...ends), Math.max(...ends)];
      }),
    };
  };

  // points: [year, value, low, high]; low and high only where there is a band.
  const draw = (points, slopes, { width, height, colour, domain, start = firstYear, marks = [] }) => {
    const sen = senLines(points, slopes);
    const band = points.filter((point) => point.length > 2);
    const years = points.map(([year]) => year);
    const svg = Plot.plot({
      width, height, marginLeft: 38, marginRight: 6, marginTop: 8, marginBottom: 20,
      style: { background: "none", color: "inherit", fontFamily: "inherit", fontSize: "11px", overflow: "visible" },
      x: { domain: [Math.min(start, ...years), Math.max(lastYear, ...years)], tickFormat: (year) => `${year}`, ticks: 4, label: null, tickSize: 3 },
      y: { domain, nice: true, ticks: 4, grid: true, label: null, tickSize: 0 },
      marks: [
        band.length ? Plot.areaY(band, { x: "0", y1: "2", y2: "3", fill: "var(--band)", fillOpacity: 0.75 }) : null,
        sen ? Plot.areaY(sen.fan, { x: "0", y1: "1", y2: "2", fill: colour, fillOpacity: 0.28 }) : null,
        ...marks,
        band.length ? null : Plot.line(gaps(points), { x: "0", y: "1", stroke: "var(--flat)", strokeWidth: 0.8 }),
        Plot.dot(points, { x: "0", y: "1", r: 2, fill: "var(--ink)", stroke: "none" }),
        sen ? Plot.line(sen.line, { x: "0", y: "1", stroke: colour, strokeWidth: 2.2 }) : null,
      ],
    });
    svg.setAttribute("aria-hidden", "true"); // what it shows stands in the label of the element around it
    svg.setAttribute("focusable", "false");
    return svg;
  };
  const gaps = (points) => points.flatMap((point, i) => (i && point[0] - points[i - 1][0] > 1 ? [[point[0] - 0.5, null], point] : [point]));
  const colours = { improving: "var(--good)", worsening: "var(--bad)", rising: "var(--ink)", falling: "var(--ink)" };
  const colourOf = (kind) => colours[data.classes[kind]] ?? "var(--flat)";

  // The small multiples, one after the other, so that the page answers while they are drawn; at once where it is printed.
  const domains = d3.rollup(data.multiples, (ones) => d3.extent(ones.flatMap((one) => one.years.flatMap((year) => year.slice(1)))), (one) => one.parameter);
  const waiting = data.multiples.filter((one) => one.years.length);
  const drawNext = () => {
    const one = waiting.shift();
    if (!one) return false;
    const place = document.querySelector(`.plot[data-region="${CSS.escape(one.region)}"][data-parameter="${CSS.escape(one.parameter)}"]`);
    place.replaceChildren(draw(one.years, one.slope, { width: 230, height: 140, colour: colourOf(one.kind), domain: domains.get(one.parameter) }));
    return true;
  };
  const drawRest = () => { if (drawNext()) setTimeout(drawRest); else document.documentElement.classList.add("drawn"); };
  addEventListener("beforeprint", () => { while (drawNext()); });

  // The page of one site.
  const terms = (pairs) => el("dl", { class: "terms" }, ...pairs.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]));
  const pointsOf = ([, first, means]) => means.map((mean, i) => [first + i, mean]).filter(([, mean]) => mean !== null);
  const words = (trend, unit) => {
    const [kind, years, slope, low, high, p, reason] = trend;
    if (slope === null) return `not analysed: ${data.reasons[reason]} (${years} years)`;
    return `${data.classes[kind]}, ${signed(slope)} ${unit} per year (${signed(low)} to ${signed(high)}), ${probability(p)}, n = ${years} years`;
  };
  const remarks = ([, , , , , , , caution, step, changes, breaks], coarse) => [
    coarse ? "rounded to whole numbers: means little" : null,
    caution,
    ...breaks.map(([year, factor]) => `looks like another unit from ${year} (factor ${number(factor)})`),
    step === null ? null : `likely step in ${step}`,
    changes.length ? `method changed in ${changes.join(", ")}` : null,
  ].filter((remark) => remark);

  const chart = (series, start) => {
    const [, label, meaning, unit, , coarse] = data.parameters[series[0]];
    const trend = series[4], points = pointsOf(series), slopes = trend.slice(2, 5);
    const marks = [
      Plot.ruleX(trend[9], { stroke: "var(--soft)", strokeDasharray: "3 3" }),
      Plot.ruleX(trend[10].map(([year]) => year), { stroke: "var(--bad)", strokeWidth: 1.5 }),
    ];
    const plot = el("div", { class: "plot", role: "img", "aria-label": `${label}, annual means ${points[0][0]} to ${points.at(-1)[0]}: ${words(trend, unit)}. The values are in the table below.` });
    plot.append(draw(points, slopes, { width: 340, height: 190, colour: colourOf(trend[0]), start: Math.min(start, firstYear), marks }));
    const notes = remarks(trend, coarse);
    return el("figure", {}, el("h3", {}, `${label} `, el("span", {}, `${meaning}, ${unit}`)), plot,
      el("figcaption", {}, words(trend, unit), ...(notes.length ? [el("br"), `Note: ${notes.join("; ")}.`] : [])));
  };

  const table = (caption, head, rows, label, words = []) => el("div", { class: "wide", role: "region", "aria-label": label, tabindex: "0" },
    el("table", {}, el("caption", {}, caption),
      el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, ...rows.map(([first, ...cells]) => el("tr", {}, el("th", { scope: "row" }, first), ...cells.map((text, i) => el("td", { class: words.includes(i + 1) ? null : "num" }, text)))))));

  const show = (site) => {
    const names = site.series.map((series) => data.parameters[series[0]]);
    const trends = site.series.map((series, i) => {
      const [kind, years, slope, low, high, p, reason] = series[4];
      return [names[i][1], names[i][3], String(years), slope === null ? "–" : signed(slope), slope === null ? "–" : `${signed(low)} to ${signed(high)}`,
        p === null ? "–" : probability(p), slope === null ? `not analysed: ${data.reasons[reason]}` : data.classes[kind], remarks(series[4], names[i][5]).join("; ") || "–"];
    });
    const from = Math.min(...site.series.map((series) => series[1])), to = Math.max(...site.series.map((series) => series[1] + series[2].length - 1));
    const years = site.series.length ? d3.range(from, to + 1) : [];
    const annual = years.map((year) => [String(year), ...site.series.map(([, first, means, counts]) => {
      const mean = means[year - first];
      return mean === null || mean === undefined ? "–" : `${number(mean, 4)} (${counts[year - first]})`;
    })]);
    page.replaceChildren(
      el("p", { class: "kicker" }, el("a", { href: "#sites", class: "back" }, "← All sites"), ` · ${site.programme} ${site.site}${site.region ? ` · ${site.region}` : ""}`),
      el("h1", { tabindex: "-1" }, site.name),
      el("div", { class: "two" }, terms(site.facts), terms(site.acidity)),
      el("h2", {}, "Trends"),
      el("p", {}, `Dots: annual means, without years of which more than 15 % of the samples are only known to lie beyond a limit. Line: Sen slope over ${firstYear} to ${lastYear}, with the fan of its 95 % interval; blue improves, orange worsens, grey is not significant, black has no good direction. Dashed: the laboratory's method changed.`),
      el("div", { class: "charts" }, ...site.series.filter((series) => pointsOf(series).length).map((series) => chart(series, from))),
      el("h2", {}, "As tables"),
      table(`Trends of annual means, ${firstYear} to ${lastYear}`, ["Parameter", "Unit", "Years", "Per year", "95 % interval", "Mann-Kendall", "Trend", "Notes"], trends, "Trends of this site", [1, 6, 7]),
      el("details", {}, el("summary", {}, "Annual means, with the number of measurements"),
        table("Annual means (n)", ["Year", ...names.map((name) => `${name[1]}, ${name[3]}`)], annual, "Annual means of this site")),
    );
  };

  const route = () => {
    const wanted = location.hash.startsWith("#site=") ? decode(location.hash.slice(6)) : null;
    if (location.hash === "#content") return; // the link that skips the header stays on the page that is open
    if (wanted === null) {
      const was = !page.hidden;
      page.hidden = true;
      overview.hidden = false;
      document.title = title;
      if (was && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
      return;
    }
    const site = sites.get(wanted);
    if (site) show(site);
    else page.replaceChildren(el("h1", { tabindex: "-1" }, "No such site"), el("p", {}, `This report has no site ${wanted}. `, el("a", { href: "#sites" }, "All sites")));
    document.title = site ? `${site.name} (${site.programme} ${site.site})` : title;
    overview.hidden = true;
    page.hidden = false;
    scrollTo(0, 0);
    page.querySelector("h1").focus({ preventScroll: true });
  };
  const decode = (text) => { try { return decodeURIComponent(text); } catch { return text; } };

  // Search: a combobox; arrows choose, Enter opens the chosen one or the first.
  const box = document.getElementById("q"), list = document.getElementById("found"), said = document.getElementById("said");
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const index = data.sites.map((site) => [plain([site.name, site.key, site.region ?? "", ...site.facts.filter(([name]) => name === "County" || name === "State").map(([, text]) => text)].join(" ")), site]);
  let found = [], chosen = -1;
  const choose = (i) => {
    chosen = i;
    [...list.children].forEach((item, j) => item.setAttribute("aria-selected", String(j === i)));
    if (i >= 0) { box.setAttribute("aria-activedescendant", `found-${i}`); list.children[i].scrollIntoView({ block: "nearest" }); }
    else box.removeAttribute("aria-activedescendant");
  };
  const close = () => { list.hidden = true; box.setAttribute("aria-expanded", "false"); choose(-1); };
  const search = () => {
    const wanted = plain(box.value).split(/\s+/).filter((word) => word);
    const all = wanted.length ? index.filter(([text]) => wanted.every((word) => text.includes(word))).map(([, site]) => site) : [];
    const starts = (site) => plain(site.name).startsWith(wanted[0]) ? 0 : 1;
    all.sort((a, b) => starts(a) - starts(b));
    found = all.slice(0, 30);
    list.replaceChildren(...found.map((site, i) => {
      const item = el("li", { id: `found-${i}`, role: "option", "aria-selected": "false" }, `${site.name} `, el("span", {}, `${site.programme} ${site.site}${site.region ? `, ${site.region}` : ""}`));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); open(site); });
      return item;
    }));
    chosen = -1;
    box.removeAttribute("aria-activedescendant");
    list.hidden = found.length === 0;
    box.setAttribute("aria-expanded", String(found.length > 0));
    said.className = wanted.length && !all.length ? "nothing" : "unseen";
    said.textContent = wanted.length ? (all.length > found.length ? `${all.length} sites found, the first ${found.length} are shown` : `Sites found: ${all.length}`) : "";
  };
  const open = (site) => { close(); box.value = ""; said.textContent = ""; location.hash = `site=${encodeURIComponent(site.key).replaceAll("%2F", "/")}`; };
  box.addEventListener("input", search);
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search();
      if (found.length) choose(event.key === "ArrowDown" ? (chosen + 1) % found.length : (chosen <= 0 ? found.length : chosen) - 1);
    } else if (event.key === "Escape") close();
    else if (event.key === "Enter") { event.preventDefault(); if (found.length) open(found[Math.max(chosen, 0)]); }
  });
  document.querySelector(".search").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", route);
  route();
  setTimeout(drawRest);
})();

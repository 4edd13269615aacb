// Makes countries.tsv: of each country its two letters (ISO 3166-1), its name in English and Urdu, and its shape as an SVG path.
//   npm install world-atlas@2.0.2 i18n-iso-countries && node make.mjs FOLDER_WITH_node_modules > countries.tsv
// Shapes: Natural Earth, 1:110 million (public domain), by the npm package world-atlas (ISC). Names: Unicode CLDR (Unicode License v3), as
// Node has them. Numbers of countries to letters: i18n-iso-countries (MIT), used here only.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const modules = join(process.argv[2] ?? ".", "node_modules");
const read = (path) => JSON.parse(readFileSync(join(modules, path), "utf8"));
const world = read("world-atlas/countries-110m.json");
const codes = read("i18n-iso-countries/codes.json"); // [alpha2, alpha3, numeric, ..]
const letters = new Map(codes.map(([two, , numeric]) => [numeric, two]));

// The map is 720 by 324 units: half a degree each, from 84 degrees north to 78 south, and no Antarctica.
const north = 84;
const south = -78;
const { scale, translate } = world.transform;
const arcs = world.arcs.map((arc) => {
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => {
    [x, y] = [x + dx, y + dy];
    const [longitude, latitude] = [x * scale[0] + translate[0], y * scale[1] + translate[1]];
    return [Math.round((longitude + 180) * 2), Math.round((north - Math.max(latitude, south)) * 2)];
  });
});

function ring(indexes) {
  const points = [];
  for (const index of indexes) {
    const arc = index < 0 ? [...arcs[~index]].reverse() : arcs[index];
    for (const point of arc) {
      const last = points.at(-1);
      if (!last || last[0] !== point[0] || last[1] !== point[1]) points.push(point);
    }
  }
  return pieces(points).map(path).join("");
}

// The package joins what the edge of the map cuts. A step of more than half the map's width goes over the edge: there the ring is cut again, so that
// no line runs across the map.
function pieces(points) {
  const width = 720;
  const cut = [[]];
  for (const [at, point] of points.entries()) {
    const before = points[at - 1];
    if (before && Math.abs(point[0] - before[0]) > width / 2) {
      const [out, into] = before[0] > width / 2 ? [width, 0] : [0, width];
      const [left, right] = [Math.abs(out - before[0]), Math.abs(into - point[0])];
      const y = Math.round(before[1] + ((point[1] - before[1]) * left) / Math.max(left + right, 1));
      cut.at(-1).push([out, y]);
      cut.push([[into, y]]);
    }
    cut.at(-1).push(point);
  }
  // The ring began somewhere within its first piece, and ends there.
  if (cut.length > 1) cut[0] = [...cut.pop(), ...cut[0]];
  return cut;
}

function path(points) {
  // Points on a straight line between their neighbours say nothing.
  const kept = points.filter((point, at) => {
    const [a, b] = [points[at - 1], points[at + 1]];
    if (!a || !b) return true;
    return (point[0] - a[0]) * (b[1] - a[1]) !== (point[1] - a[1]) * (b[0] - a[0]);
  });
  const [first, last] = [kept[0], kept.at(-1)];
  if (first && last && first[0] === last[0] && first[1] === last[1]) kept.pop();
  if (kept.length < 3) return "";
  const steps = [];
  for (let at = 1; at < kept.length; at += 1) {
    steps.push(`${kept[at][0] - kept[at - 1][0]},${kept[at][1] - kept[at - 1][1]}`);
  }
  return `M${first[0]},${first[1]}l${steps.join(" ").replaceAll(" -", "-").replaceAll(",-", "-")}z`;
}

const shapes = new Map();
for (const country of world.objects.countries.geometries) {
  const two = letters.get(country.id);
  if (!two || two === "AQ") continue;
  const polygons = country.type === "Polygon" ? [country.arcs] : country.arcs;
  shapes.set(two, polygons.flat().map(ring).join(""));
}
const english = new Intl.DisplayNames(["en"], { type: "region" });
const urdu = new Intl.DisplayNames(["ur"], { type: "region" });
for (const two of [...letters.values()].sort()) {
  console.log([two, english.of(two), urdu.of(two), shapes.get(two) ?? ""].join("\t"));
}

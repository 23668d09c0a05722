(async () => {
  const unpacked = async (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const library = document.createElement("script");
  library.textContent = await unpacked("library");
  document.head.append(library);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  for (const [id, { label, option }] of Object.entries(JSON.parse(await unpacked("charts")))) {
    const box = document.getElementById(id);
    box.closest("figure").hidden = false;
    const chart = echarts.init(box, dark.matches ? "dark" : "default", { renderer: "svg" });
    const aria = { enabled: true, label: { description: label } };
    const draw = () => {
      // Lines run through the labels of parallel axes: a border in the colour of the page keeps these legible.
      const textBorderColor = getComputedStyle(document.documentElement).backgroundColor;
      for (const axis of option.parallelAxis ?? []) Object.assign(axis.axisLabel, { textBorderColor, textBorderWidth: 3 });
      chart.setOption({ ...option, backgroundColor: "transparent", animation: false, aria });
    };
    draw();
    dark.addEventListener("change", () => { chart.setTheme(dark.matches ? "dark" : "default"); draw(); });
    new ResizeObserver(() => chart.resize()).observe(box);
  }
  document.documentElement.dataset.ready = "yes";
})();

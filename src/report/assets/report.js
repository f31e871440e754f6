// SPDX-License-Identifier: Apache-2.0
// Draws the charts of a brim report with ECharts and makes its tables sortable. Names come from the
// host: they reach the page only through textContent and canvas text, never as markup.
(function () {
  'use strict';

  var dark = window.matchMedia('(prefers-color-scheme: dark)');
  var themes = {
    light: {
      ink: '#1c2430', quiet: '#5a6675', line: '#dfe3e8', surface: '#ffffff', none: '#eceded',
      series: ['#2f6db5', '#e08a2e', '#2b9a84', '#8d99a8', '#7b6fc0', '#b8457a', '#8c9a2f', '#c7a52c'],
      heat: ['#d3e5f7', '#aecdec', '#7fb0de', '#3f82c0', '#1d5a9c', '#0b3566']
    },
    dark: {
      ink: '#e3e8ee', quiet: '#9aa7b6', line: '#303945', surface: '#1a2028', none: '#2a2d31',
      series: ['#6ea8e8', '#eda351', '#4fbfa6', '#6f7d8d', '#a79bea', '#e07aa8', '#b9c65a', '#e3c55c'],
      heat: ['#1d3046', '#214b73', '#2a6ba5', '#4a92d3', '#86bdf0', '#d3e8fd']
    }
  };

  // --- numbers ---------------------------------------------------------------------------------

  function plain(value, digits) {
    var size = Math.abs(value);
    if (size >= 1e15 || (size > 0 && size < 1e-6)) return value.toExponential(2);
    return value.toLocaleString('en-US', {maximumFractionDigits: digits});
  }
  function significant(value) {
    var size = Math.abs(value);
    if (size === 0 || size >= 1000 || size < 1e-6) return plain(value, 0);
    return value.toLocaleString('en-US', {maximumSignificantDigits: 4});
  }
  function bytesText(value) {
    var units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
    var unit = 0;
    while (Math.abs(value) >= 1023.95 && unit + 1 < units.length) { value /= 1024; ++unit; }
    return plain(value, unit ? 1 : 0) + ' ' + units[unit];
  }
  function secondsText(value) {
    var size = Math.abs(value);
    if (size === 0 || size >= 1) return significant(value) + ' s';
    if (size >= 1e-3) return significant(value * 1e3) + ' ms';
    if (size >= 1e-6) return significant(value * 1e6) + ' µs';
    return significant(value * 1e9) + ' ns';
  }
  function full(value, chart) {
    if (value === null || value === undefined || !isFinite(value)) return '–';
    switch (chart.unit) {
      case 'bytes': return bytesText(value);
      case 'seconds': return secondsText(value);
      case 'percent': return plain(value, Math.abs(value) < 0.1 ? 4 : 1) + ' %';
      case 'per_second': return significant(value) + ' /s';
      case 'pages':
        return plain(value, 0) + ' pages' +
            (chart.page_bytes ? ' (' + bytesText(value * chart.page_bytes) + ')' : '');
      case 'count': return plain(value, Number.isInteger(value) ? 0 : 1);
      default: return significant(value);
    }
  }
  // For axes and cells: 12 k, 3.4 M.
  function brief(value, unit) {
    if (unit === 'bytes') return bytesText(value);
    if (unit === 'seconds') return secondsText(value);
    var size = Math.abs(value);
    var scaled = size >= 1e9 ? [value / 1e9, ' G'] : size >= 1e6 ? [value / 1e6, ' M']
        : size >= 1e4 ? [value / 1e3, ' k'] : [value, ''];
    var digits = size >= 1e3 && size < 1e4 ? 4 : 3;  // 3,001 must not look like an exact 3,000
    var text = size >= 1e13 || (size > 0 && size < 1e-6) ? plain(value, 0)
        : scaled[0].toLocaleString('en-US', {maximumSignificantDigits: digits}) + scaled[1];
    return unit === 'percent' ? text + ' %' : unit === 'per_second' ? text + ' /s' : text;
  }
  // A step of the axis that is a round number of bytes.
  function byteStep(largest, count) {
    return Math.pow(2, Math.ceil(Math.log2(Math.max(largest, 1) / count)));
  }
  function shorten(name, length) {
    var letters = Array.from(name);
    if (letters.length <= length) return name;
    var tail = Math.floor((length - 1) / 2);
    return letters.slice(0, length - 1 - tail).join('') + '…' +
        (tail ? letters.slice(-tail).join('') : '');
  }
  // Short names that still tell the list's members apart: what all begin and end with goes first.
  function shortNames(list, length) {
    var short = list.map(function (name) { return shorten(name, length); });
    var different = new Set(list).size;
    if (new Set(short).size === different || different < 2) return short;
    var letters = list.map(function (name) { return Array.from(name); });
    var least = Math.min.apply(null, letters.map(function (l) { return l.length; }));
    var head = 0;
    while (head < least && letters.every(function (l) { return l[head] === letters[0][head]; })) ++head;
    var tail = 0;
    while (tail < least - head && letters.every(function (l) {
      return l[l.length - 1 - tail] === letters[0][letters[0].length - 1 - tail];
    })) ++tail;
    return letters.map(function (l) {
      var own = l.slice(head, l.length - tail).join('');
      return (head ? '…' : '') + shorten(own, length - (head ? 1 : 0) - (tail ? 1 : 0)) + (tail ? '…' : '');
    });
  }
  var pen = document.createElement('canvas').getContext('2d');
  function widest(names, size) {
    pen.font = size + 'px ' + getComputedStyle(document.body).fontFamily;
    return names.reduce(function (w, name) { return Math.max(w, pen.measureText(name).width); }, 0);
  }
  function finite(values) {
    return values.filter(function (v) { return v !== null && isFinite(v); });
  }
  function span(values) {
    return finite(values).reduce(function (s, v) {
      return [Math.min(s[0], v), Math.max(s[1], v)];
    }, [Infinity, -Infinity]);
  }

  // --- tooltips, made of elements ---------------------------------------------------------------

  function tip(title, rows) {
    var box = document.createElement('div');
    box.style.maxWidth = '22rem';
    box.style.whiteSpace = 'normal';
    box.style.overflowWrap = 'anywhere';
    var head = box.appendChild(document.createElement('div'));
    head.style.fontWeight = '600';
    head.textContent = title;
    rows.forEach(function (row) {
      var line = box.appendChild(document.createElement('div'));
      if (row.colour) {
        var dot = line.appendChild(document.createElement('span'));
        dot.style.cssText = 'display:inline-block;width:.65em;height:.65em;border-radius:50%;' +
            'margin-right:.45em';
        dot.style.background = row.colour;
      }
      line.appendChild(document.createTextNode((row.name ? row.name + ': ' : '') + row.text));
    });
    return box;
  }
  function withInterval(chart, series, i) {
    var text = full(series.y[i], chart);
    if (series.low.length > i && series.low[i] !== null)
      text += '  [' + full(series.low[i], chart) + ', ' + full(series.high[i], chart) + ']';
    return text;
  }

  // --- pieces of options ------------------------------------------------------------------------

  function base(theme, chart) {
    var named = chart.series.filter(function (s) { return s.name; });
    return {
      animation: false,
      backgroundColor: 'transparent',
      color: theme.series,
      textStyle: {fontFamily: getComputedStyle(document.body).fontFamily, color: theme.ink},
      tooltip: {
        confine: true, backgroundColor: theme.surface, borderColor: theme.line,
        textStyle: {color: theme.ink, fontSize: 13}
      },
      legend: {
        show: named.length > 1, type: 'scroll', icon: 'roundRect', top: 0, left: 0, itemWidth: 14, itemHeight: 10,
        textStyle: {color: theme.ink}, pageTextStyle: {color: theme.quiet},
        pageIconColor: theme.ink, pageIconInactiveColor: theme.line, inactiveColor: theme.quiet,
        formatter: function (name) { return shorten(name, 32); }
      }
    };
  }
  function valueAxis(theme, unit, name, middle) {
    return {
      type: 'value', name: name, nameLocation: middle ? 'middle' : 'end', nameGap: middle ? 30 : 14,
      nameTextStyle: {color: theme.quiet, align: middle ? 'center' : 'left'},
      axisLabel: {color: theme.quiet, hideOverlap: true,
                  formatter: function (v) { return brief(v, unit); }},
      splitLine: {lineStyle: {color: theme.line}}, axisLine: {show: false}, axisTick: {show: false}
    };
  }
  function inBytes(axis, values, count) {
    var range = span(values);
    if (!(range[1] > 0)) return axis;
    axis.interval = byteStep(range[1] - Math.min(0, range[0]), count);
    axis.max = Math.ceil(range[1] / axis.interval) * axis.interval;
    return axis;
  }

  // --- kinds ------------------------------------------------------------------------------------

  // One polygon for all points (thinned): ECharts' stacking and sampling don't go together.
  function band(series, colour) {
    var points = series.x.map(function (x, i) { return [x, series.low[i], series.high[i]]; })
        .filter(function (p) { return p.every(function (v) { return v !== null && v !== undefined; }); });
    var step = Math.max(1, Math.ceil(points.length / 1500));
    points = points.filter(function (p, i) { return i % step === 0 || i === points.length - 1; });
    return {
      type: 'custom', name: series.name, silent: true, clip: true, z: 1, data: points,
      encode: {x: 0, y: [1, 2]}, itemStyle: {color: colour}, tooltip: {show: false},
      renderItem: function (params, api) {
        if (params.dataIndex !== 0) return null;
        var top = points.map(function (p) { return api.coord([p[0], p[2]]); });
        var bottom = points.map(function (p) { return api.coord([p[0], p[1]]); }).reverse();
        return {type: 'polygon', shape: {points: top.concat(bottom)},
                style: {fill: colour, opacity: 0.18}};
      }
    };
  }
  function lineOptions(chart, theme, width) {
    var options = base(theme, chart);
    var longest = Math.max.apply(null, chart.series.map(function (s) { return s.x.length; }).concat(0));
    var zoom = longest > 100;
    options.grid = {left: 8, right: 20, top: chart.series.length > 1 ? 62 : 34,
                    bottom: (zoom ? 64 : 28), containLabel: true};
    options.xAxis = valueAxis(theme, 'none', chart.x_title, true);
    options.xAxis.nameGap = 26;
    options.xAxis.scale = true;
    if (chart.x_logarithmic) options.xAxis.type = 'log';
    options.xAxis.splitLine.show = false;
    options.xAxis.axisLine = {show: true, lineStyle: {color: theme.line}};
    options.xAxis.axisLabel.formatter = function (v) { return plain(v, 3); };
    options.yAxis = valueAxis(theme, chart.unit, chart.y_title, false);
    if (chart.unit === 'bytes')
      inBytes(options.yAxis, [].concat.apply([], chart.series.map(function (s) { return s.y.concat(s.high); })), 5);
    options.series = [];
    chart.series.forEach(function (s, i) {
      var colour = theme.series[i % theme.series.length];
      if (s.low.length) options.series.push(band(s, colour));
      options.series.push({
        type: 'line', name: s.name, sampling: 'lttb', showSymbol: s.x.length <= 30, symbolSize: 5,
        lineStyle: {width: 2, color: colour}, itemStyle: {color: colour}, z: 3,
        data: s.x.map(function (x, j) { return [x, s.y[j], j]; }), encode: {x: 0, y: 1}
      });
    });
    if (zoom) {
      options.dataZoom = [
        {type: 'inside', filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: false,
         moveOnMouseWheel: false, preventDefaultMouseMove: false},
        {type: 'slider', filterMode: 'none', height: 18, bottom: 4, borderColor: theme.line,
         textStyle: {color: theme.quiet}, showDetail: false, brushSelect: false,
         fillerColor: 'rgba(90,130,190,.18)', dataBackground: {
           lineStyle: {color: theme.quiet, opacity: 0.5}, areaStyle: {color: theme.quiet, opacity: 0.12}}}
      ];
    }
    options.tooltip.trigger = 'axis';
    options.tooltip.axisPointer = {type: 'line', lineStyle: {color: theme.quiet}};
    options.tooltip.formatter = function (points) {
      var shown = points.filter(function (p) { return p.seriesType === 'line'; });
      if (!shown.length) return '';
      return tip((chart.x_title ? chart.x_title + ' ' : '') + plain(shown[0].data[0], 3),
                 shown.map(function (p) {
        var which = lineNumber(chart, p.seriesIndex);
        return {colour: theme.series[which % theme.series.length], name: p.seriesName,
                text: withInterval(chart, chart.series[which], p.data[2])};
      }));
    };
    return {options: options, height: width < 500 ? 280 : 340};
  }
  // Bands are series of ECharts too: the chart's own number of series `index`.
  function lineNumber(chart, index) {
    for (var i = 0, at = 0; i < chart.series.length; ++i, ++at) {
      if (chart.series[i].low.length) ++at;
      if (at === index) return i;
    }
    return 0;
  }

  function errorBars(series, number, count, theme) {
    return {
      type: 'custom', name: series.name, silent: true, z: 5, itemStyle: {color: theme.ink},
      tooltip: {show: false}, encode: {x: [1, 2], y: 0},
      data: series.low.map(function (low, i) { return [i, low, series.high[i]]; }),
      renderItem: function (params, api) {
        var offset = api.barLayout({barMaxWidth: 26, barGap: '15%', barCategoryGap: '30%', count: count})[number];
        var shift = offset ? offset.offsetCenter : 0;
        var low = api.coord([api.value(1), api.value(0)]);
        var high = api.coord([api.value(2), api.value(0)]);
        if (!isFinite(low[0]) || !isFinite(high[0])) return null;
        var y = low[1] + shift;
        var style = {stroke: theme.ink, lineWidth: 1.5, fill: null};
        function stroke(x1, y1, x2, y2) {
          return {type: 'line', shape: {x1: x1, y1: y1, x2: x2, y2: y2}, style: style};
        }
        return {type: 'group', children: [stroke(low[0], y, high[0], y),
          stroke(low[0], y - 4, low[0], y + 4), stroke(high[0], y - 4, high[0], y + 4)]};
      }
    };
  }
  function barOptions(chart, theme, width) {
    var stacked = chart.kind === 'stacked_bar';
    var options = base(theme, chart);
    var legend = chart.series.filter(function (s) { return s.name; }).length > 1;
    var letters = Math.max(8, Math.min(36, Math.floor(width / 28)));
    var names = shortNames(chart.categories, letters);
    options.grid = {left: Math.ceil(widest(names, 12)) + 14, right: 30, top: legend ? 36 : 8,
                    bottom: chart.y_title ? 52 : 30};
    options.xAxis = valueAxis(theme, chart.unit, chart.y_title, true);
    options.xAxis.nameGap = 28;
    options.xAxis.splitNumber = width < 500 ? 3 : 6;
    if (chart.unit === 'bytes') {
      var sums = chart.categories.map(function (c, i) {
        return chart.series.reduce(function (sum, s) {
          return stacked ? sum + (s.y[i] || 0) : Math.max(sum, s.y[i] || 0, s.high[i] || 0);
        }, 0);
      });
      inBytes(options.xAxis, sums, width < 500 ? 3 : 6);
    }
    options.yAxis = {
      type: 'category', inverse: true, data: chart.categories, axisTick: {show: false},
      axisLine: {lineStyle: {color: theme.line}},
      axisLabel: {color: theme.ink, interval: 0,
                  formatter: function (name, i) { return names[i]; }}
    };
    options.series = chart.series.map(function (s, i) {
      return {
        type: 'bar', name: s.name, stack: stacked ? 'all' : undefined, barMaxWidth: 26,
        barGap: '15%', barCategoryGap: '30%', data: s.y,
        itemStyle: {color: theme.series[i % theme.series.length],
                    borderColor: theme.surface, borderWidth: stacked ? 0.5 : 0}
      };
    });
    if (!stacked) {
      chart.series.forEach(function (s, i) {
        if (s.low.length) options.series.push(errorBars(s, i, chart.series.length, theme));
      });
    }
    options.tooltip.trigger = 'axis';
    options.tooltip.axisPointer = {type: 'shadow'};
    options.tooltip.formatter = function (points) {
      var i = points[0].dataIndex;
      var rows = chart.series.map(function (s, n) {
        return {colour: theme.series[n % theme.series.length], name: s.name,
                text: withInterval(chart, s, i)};
      });
      if (stacked)
        rows.push({name: 'sum', text: full(chart.series.reduce(function (sum, s) {
          return sum + (s.y[i] || 0);
        }, 0), chart)});
      return tip(chart.categories[i], rows);
    };
    var each = stacked ? 34 : Math.max(30, 16 * chart.series.length + 14);
    if (chart.categories.length > 40) each = stacked ? 20 : Math.max(20, 10 * chart.series.length + 8);
    return {options: options,
            height: Math.max(chart.categories.length, 1) * each + (legend ? 36 : 8) + 56};
  }

  function heatOptions(chart, theme, width) {
    var columns = chart.categories.length;
    var rows = chart.series.length;
    var all = finite([].concat.apply([], chart.series.map(function (s) { return s.y; })));
    var positive = all.filter(function (v) { return v > 0; });
    var range = span(all);
    var from = span(positive);
    var log = range[0] >= 0 && positive.length > 0 && from[1] / from[0] > 1000;
    var scale = log ? Math.log10 : function (v) { return v; };
    var ends = log ? [Math.log10(from[0]), Math.log10(from[1])]
        : [Math.min(0, isFinite(range[0]) ? range[0] : 0), isFinite(range[1]) ? range[1] : 1];
    if (!(ends[1] > ends[0])) ends[1] = ends[0] + 1;
    var letters = columns > 20 ? 12 : width < 500 ? 10 : 18;
    var small = Math.max(columns, rows) > 20;
    var cell = Math.max(small ? 15 : 26, Math.min(54, 430 / Math.max(rows, 1)));
    var leastWidth = columns * (small ? 14 : 30) + 130;
    var labelled = columns * (width < 500 ? 44 : 62) < width && columns <= 10 && rows <= 20;
    var data = [];
    chart.series.forEach(function (s, r) {
      for (var c = 0; c < columns; ++c) {
        var v = s.y[c];
        if (v === null || v === undefined) continue;
        var at = log && v <= 0 ? null : scale(v);
        var strong = at !== null && (at - ends[0]) / (ends[1] - ends[0]) > 0.5;
        var ink = at === null ? theme.quiet
            : strong ? (theme === themes.dark ? '#0d1117' : '#ffffff') : theme.ink;
        data.push({value: [c, r, at === null ? ends[0] - 1 : at, v], label: {color: ink}});
      }
    });
    function names(short, extra) {
      return Object.assign({
        type: 'category', data: short, axisTick: {show: false}, axisLine: {show: false},
        splitArea: {show: false}, nameTextStyle: {color: theme.quiet},
        axisLabel: {color: theme.ink, fontSize: small ? 10 : 12, interval: 0,
                    formatter: function (name, i) { return short[i]; }}
      }, extra);
    }
    var across = shortNames(chart.categories, letters);
    var down = shortNames(chart.series.map(function (s) { return s.name; }), letters);
    var labelSize = small ? 10 : 12;
    var wide = widest(across, labelSize);
    var left = Math.ceil(widest(down, labelSize)) + 12;
    var turned = columns * (wide + 12) > Math.max(width, leastWidth) - left - 12;
    var deep = Math.ceil(turned ? (small ? wide : wide * 0.72 + 8) : 14) + 12;
    var below = deep + (chart.x_title ? 22 : 0) + 44;
    var options = base(theme, chart);
    options.legend.show = false;
    options.grid = {left: left, right: 12, top: chart.y_title ? 26 : 8, bottom: below};
    options.xAxis = names(across, {});
    options.xAxis.axisLabel.rotate = turned ? (small ? 90 : 45) : 0;
    options.xAxis.name = chart.x_title;
    options.xAxis.nameLocation = 'middle';
    options.xAxis.nameGap = deep + 8;
    options.yAxis = names(down, {inverse: true, name: chart.y_title, nameLocation: 'start'});
    options.yAxis.nameTextStyle.align = 'left';
    options.visualMap = {
      type: 'continuous', min: ends[0], max: ends[1], dimension: 2, calculable: false,
      orient: 'horizontal', left: 'center', bottom: 0, itemWidth: 12, itemHeight: 150,
      inRange: {color: theme.heat}, outOfRange: {color: [theme.none]},
      textStyle: {color: theme.quiet},
      text: [brief(log ? from[1] : ends[1], chart.unit) + (log ? ' (log scale)' : ''),
             brief(log ? from[0] : ends[0], chart.unit)]
    };
    options.series = [{
      type: 'heatmap', data: data, encode: {x: 0, y: 1},
      itemStyle: {borderColor: theme.surface, borderWidth: small ? 0.5 : 2},
      emphasis: {itemStyle: {borderColor: theme.ink, borderWidth: 1}},
      label: {show: labelled, fontSize: 12,
              formatter: function (p) { return brief(p.value[3], chart.unit); }}
    }];
    options.tooltip.trigger = 'item';
    options.tooltip.formatter = function (p) {
      return tip(chart.series[p.value[1]].name + ' × ' + chart.categories[p.value[0]],
                 [{text: full(p.value[3], chart)}]);
    };
    return {options: options, height: Math.max(rows, 1) * cell + options.grid.top + below,
            leastWidth: leastWidth};
  }

  var kinds = {line: lineOptions, bar: barOptions, stacked_bar: barOptions, heat_map: heatOptions};

  // --- drawing ----------------------------------------------------------------------------------

  function draw(plot, chart, theme) {
    try {
      var room = plot.parentNode.clientWidth || 600;
      var made = kinds[chart.kind](chart, theme, room);
      if (!finite([].concat.apply([], chart.series.map(function (s) { return s.y; }))).length)
        made.options.title = {text: 'no data', left: 'center', top: 'middle',
                              textStyle: {color: theme.quiet, fontSize: 14, fontWeight: 'normal'}};
      plot.style.minWidth = Math.min(made.leastWidth || 0, 2400) + 'px';
      plot.style.height = Math.round(made.height) + 'px';
      var old = echarts.getInstanceByDom(plot);
      if (old) old.dispose();
      echarts.init(plot, null, {renderer: 'canvas'}).setOption(made.options);
      plot.dataset.state = 'drawn';
    } catch (error) {
      plot.dataset.state = 'failed';
      plot.textContent = 'This chart could not be drawn (' + error.message + '); its numbers are below.';
      console.error(error);
    }
  }
  function drawAll(theme) {
    var source = document.getElementById('charts');
    if (!source) return;
    var charts = JSON.parse(source.textContent);
    var plots = document.querySelectorAll('.plot');
    var drawn = [];
    function all(with_theme) {
      plots.forEach(function (plot) {
        drawn[plot.dataset.chart] = plot.parentNode.clientWidth;
        draw(plot, charts[plot.dataset.chart], with_theme);
      });
    }
    function current() { return dark.matches ? themes.dark : themes.light; }
    all(theme || current());
    dark.addEventListener('change', function () { all(current()); });
    window.addEventListener('beforeprint', function () { all(themes.light); });
    window.addEventListener('afterprint', function () { all(current()); });
    var waiting = 0;
    window.addEventListener('resize', function () {
      clearTimeout(waiting);
      waiting = setTimeout(function () {
        plots.forEach(function (plot) {
          if (drawn[plot.dataset.chart] === plot.parentNode.clientWidth) return;
          drawn[plot.dataset.chart] = plot.parentNode.clientWidth;
          draw(plot, charts[plot.dataset.chart], current());
        });
      }, 120);
    });
  }

  // --- tables -----------------------------------------------------------------------------------

  // Missing values stay last whichever way; numbers by data-v, texts in their natural order.
  function sortBy(table, column, ascending) {
    var body = table.tBodies[0];
    var rows = Array.from(body.rows).map(function (row, i) {
      var cell = row.cells[column];
      var number = cell.hasAttribute('data-v') ? Number(cell.dataset.v) : null;
      return {row: row, number: number, text: cell.textContent, at: i};
    });
    function missing(r) { return r.number === null && (r.text === '–' || r.text === 'nan'); }
    rows.sort(function (a, b) {
      if (missing(a) !== missing(b)) return missing(a) ? 1 : -1;
      var order = a.number !== null && b.number !== null
          ? (a.number < b.number ? -1 : a.number > b.number ? 1 : 0)
          : a.text.localeCompare(b.text, 'en', {numeric: true});
      return (ascending ? order : -order) || a.at - b.at;
    });
    rows.forEach(function (r) { body.appendChild(r.row); });
  }
  document.querySelectorAll('table').forEach(function (table) {
    if (!table.tHead || !table.tBodies.length || table.tBodies[0].rows.length < 2) return;
    Array.from(table.tHead.rows[0].cells).forEach(function (heading, column) {
      var button = document.createElement('button');
      button.type = 'button';
      button.textContent = heading.textContent;
      heading.textContent = '';
      heading.appendChild(button);
      button.addEventListener('click', function () {
        var now = heading.getAttribute('aria-sort');
        // Numbers: the largest first.
        var ascending = now ? now === 'descending' : !heading.classList.contains('n');
        table.querySelectorAll('th[aria-sort]').forEach(function (other) {
          other.removeAttribute('aria-sort');
        });
        heading.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
        sortBy(table, column, ascending);
      });
    });
  });

  drawAll();
})();

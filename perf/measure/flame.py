"""flame.py: call stacks to a flame graph.

A stack is a tuple of frames, outermost first; a graph is one panel per thread, each as wide
as the picture, so that threads can be read beside each other. The width of a frame is its
share of the thread's samples; the same name has the same colour everywhere. Point at a
frame for its full name, its share and its count; click it to widen it, click the lowest
frame of the panel to go back.
"""
import zlib
from dataclasses import dataclass, field
from html import escape

WIDTH, ROW, MARGIN, TITLE = 1400, 17, 10, 26
CHARACTER = 6.6
NARROWEST = 0.25
"""Frames narrower than this many pixels are left out."""


@dataclass
class Frame:
    """A node of the merged stacks."""

    name: str
    count: int = 0
    children: dict[str, "Frame"] = field(default_factory=dict)

    def add(self, stack: tuple[str, ...], count: int) -> None:
        node = self
        node.count += count
        for name in stack:
            node = node.children.setdefault(name, Frame(name))
            node.count += count

    def depth(self, scale: float) -> int:
        """Rows that are drawn, this one included."""
        return 1 + max((child.depth(scale) for child in self.children.values() if child.count * scale >= NARROWEST),
                       default=0)


def svg(title: str, threads: dict[str, dict[tuple[str, ...], int]]) -> str:
    """The whole picture."""
    panels, top = [], TITLE + MARGIN
    for name, stacks in sorted(threads.items(), key=lambda item: -sum(item[1].values())):
        root = Frame(name)
        for stack, count in stacks.items():
            root.add(stack, count)
        scale = (WIDTH - 2 * MARGIN) / max(1, root.count)
        height = root.depth(scale) * ROW
        panels.append(f'<g class="panel" transform="translate(0 {top})" data-height="{height}">'
                      + "".join(rectangles(root, root.count, MARGIN, height - ROW, scale)) + "</g>")
        top += height + TITLE
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
            f'font-family="monospace" font-size="11">\n<style>{STYLE}</style>\n'
            f'<rect width="{WIDTH}" height="{top}" fill="#fdfdfb"/>\n'
            f'<text x="{MARGIN}" y="{MARGIN + 12}" font-size="14">{escape(title)}</text>\n'
            + "\n".join(panels) + f"\n<script><![CDATA[{SCRIPT}]]></script>\n</svg>\n")


def rectangles(frame: Frame, total: int, x: float, y: float, scale: float):
    """This frame and, above it, its callees, widest first."""
    width = frame.count * scale
    if width < NARROWEST:
        return
    text = escape(frame.name)
    fits = int((width - 4) / CHARACTER)
    label = "" if fits < 3 else escape(frame.name if len(frame.name) <= fits else frame.name[: fits - 1] + "…")
    yield (f'<g class="f" data-x="{x:.2f}" data-w="{width:.2f}"><title>{text}: {frame.count / total:.1%}, '
           f'{frame.count} samples</title><rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{ROW - 1}" '
           f'fill="{colour(frame.name)}"/><text x="{x + 2:.2f}" y="{y + 12}" data-n="{text}">{label}</text></g>')
    for child in sorted(frame.children.values(), key=lambda node: -node.count):
        yield from rectangles(child, total, x, y - ROW, scale)
        x += child.count * scale


def colour(name: str) -> str:
    """Kernel in blues, the rest warm; the shade is the name's."""
    shade = zlib.crc32(name.encode())
    if name.endswith("_[k]"):
        return f"hsl({200 + shade % 25} {45 + shade % 20}% {68 + shade % 12}%)"
    return f"hsl({20 + shade % 35} {70 + shade % 20}% {62 + shade % 14}%)"


STYLE = ".f{cursor:pointer}.f:hover rect{stroke:#222;stroke-width:.7}text{pointer-events:none;fill:#1a1a1a}"

SCRIPT = """
document.querySelectorAll('.panel').forEach(panel => {
  const frames = [...panel.querySelectorAll('.f')], full = %(full)s, margin = %(margin)s;
  panel.addEventListener('click', event => {
    const chosen = event.target.closest('.f');
    if (!chosen) return;
    const from = +chosen.dataset.x, wide = +chosen.dataset.w, zoom = full / wide;
    frames.forEach(frame => {
      const x = +frame.dataset.x, w = +frame.dataset.w;
      const contains = x <= from + .01 && x + w >= from + wide - .01;
      const left = contains ? margin : margin + (x - from) * zoom, width = contains ? full : w * zoom;
      frame.style.display = !contains && (x + w <= from + .01 || x >= from + wide - .01) ? 'none' : '';
      const [rectangle, text] = [frame.querySelector('rect'), frame.querySelector('text')];
      rectangle.setAttribute('x', left); rectangle.setAttribute('width', width);
      const fits = Math.floor((width - 4) / %(character)s), name = text.dataset.n;
      text.setAttribute('x', left + 2);
      text.textContent = fits < 3 ? '' : name.length <= fits ? name : name.slice(0, fits - 1) + '\\u2026';
    });
  });
});
""" % {"full": WIDTH - 2 * MARGIN, "margin": MARGIN, "character": CHARACTER}

// Places on a page: boxes in PDF points of the page as displayed, as shares of the picture that is shown of it.

/** `[x0, y0, x1, y1]` in points, from the upper left corner of the page as displayed. */
export type Box = readonly [number, number, number, number];

export interface PlacedBox {
  key: string;
  label: string;
  box: Box;
  isChosen: boolean;
}

interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A frame around the box, in shares of a page that is turned clockwise by `turns` quarters. */
export function frameOf([x0, y0, x1, y1]: Box, page: { width: number; height: number }, turns: number): Frame {
  const [left, top, right, bottom] = [x0 / page.width, y0 / page.height, x1 / page.width, y1 / page.height];
  const width = right - left;
  const height = bottom - top;
  switch (((turns % 4) + 4) % 4) {
    case 1:
      return { left: 1 - bottom, top: left, width: height, height: width };
    case 2:
      return { left: 1 - right, top: 1 - bottom, width, height };
    case 3:
      return { left: top, top: 1 - right, width: height, height: width };
    default:
      return { left, top, width, height };
  }
}

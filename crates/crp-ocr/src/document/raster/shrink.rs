//! Rows in, a smaller gray picture out: every output pixel is the mean of a square of input pixels.

use super::Row;
use crate::document::pdf::render::luma;

/// Collects rows; holds one output picture and one row of sums.
pub(crate) struct Shrinker {
    width: usize,
    out_width: usize,
    out_height: usize,
    factor: usize,
    repeat: usize,
    gray: Vec<u8>,
    sums: Vec<u64>,
    rows_in_sum: usize,
}

impl Shrinker {
    /// For a picture of `width` × `height` whose rows are repeated `repeat` times before it shrinks by `factor`.
    pub(crate) fn new(width: u32, height: u32, factor: u32, repeat: u32) -> Self {
        let (width, factor, repeat) = (width as usize, factor.max(1) as usize, repeat.max(1) as usize);
        let out_width = width.div_ceil(factor);
        let out_height = (height as usize * repeat).div_ceil(factor);
        Self {
            width,
            out_width,
            out_height,
            factor,
            repeat,
            gray: Vec::with_capacity(out_width * out_height),
            sums: vec![0; out_width],
            rows_in_sum: 0,
        }
    }

    /// The next row from the top.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        match row {
            Row::Gray(gray) => self.push_gray(gray),
            Row::Rgb(rgb) => {
                let gray: Vec<u8> = rgb.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect();
                self.push_gray(&gray);
            }
        }
    }

    fn push_gray(&mut self, gray: &[u8]) {
        let gray = &gray[..self.width.min(gray.len())];
        for _ in 0..self.repeat {
            if self.factor == 1 {
                self.gray.extend_from_slice(gray);
                self.gray.resize(self.gray.len() + self.width - gray.len(), u8::MAX);
                continue;
            }
            for (sum, pixels) in self.sums.iter_mut().zip(gray.chunks(self.factor)) {
                *sum += pixels.iter().map(|p| u64::from(*p)).sum::<u64>();
            }
            self.rows_in_sum += 1;
            if self.rows_in_sum == self.factor {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        for (at, sum) in self.sums.iter_mut().enumerate() {
            let columns = self.factor.min(self.width - at * self.factor);
            self.gray.push((*sum as usize / (columns * self.rows_in_sum)) as u8);
            *sum = 0;
        }
        self.rows_in_sum = 0;
    }

    /// Width, height and pixels; rows that never came are white.
    pub(crate) fn finish(mut self) -> (u32, u32, Vec<u8>) {
        if self.rows_in_sum > 0 {
            self.flush();
        }
        self.gray.resize(self.out_width * self.out_height, u8::MAX);
        (self.out_width as u32, self.out_height as u32, self.gray)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_the_mean_of_its_square_also_at_the_edges() {
        let mut shrinker = Shrinker::new(3, 3, 2, 1);
        for row in [[0, 100, 50], [100, 200, 150], [10, 20, 30]] {
            shrinker.push(&Row::Gray(&row));
        }
        assert_eq!(shrinker.finish(), (2, 2, vec![100, 100, 15, 30]));
    }

    #[test]
    fn a_white_square_of_more_pixels_than_32_bits_can_add_up_stays_white() {
        let mut shrinker = Shrinker::new(4200, 1050, 4200, 4);
        (0..1050).for_each(|_| shrinker.push(&Row::Gray(&[255; 4200])));
        assert_eq!(shrinker.finish(), (1, 1, vec![255]));
    }

    #[test]
    fn colours_become_gray_and_missing_rows_white() {
        let mut shrinker = Shrinker::new(1, 2, 1, 1);
        shrinker.push(&Row::Rgb(&[255, 255, 255]));
        assert_eq!(shrinker.finish(), (1, 2, vec![255, 255]));
        let mut doubled = Shrinker::new(1, 1, 1, 2);
        doubled.push(&Row::Gray(&[7]));
        assert_eq!(doubled.finish(), (1, 2, vec![7, 7]));
    }
}

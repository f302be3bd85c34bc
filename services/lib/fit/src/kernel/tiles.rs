//! Adds a panel of rows to a Gram matrix, in registers as wide as the machine has.
//!
//! The compiler finds wide registers by itself, but then spends most of the time on moving numbers
//! between them. So the tiles are written out for each width. Every width adds the same products
//! in the same order, because a lane of a register never meets another lane.

use super::LANES;

/// How many numbers a register of the machine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registers {
    /// As many as the compiler may rely on.
    Plain,
    /// Eight (AVX2).
    #[cfg(target_arch = "x86_64")]
    Eight,
    /// Sixteen (AVX-512).
    #[cfg(target_arch = "x86_64")]
    Sixteen,
}

impl Registers {
    /// Returns the widest registers of this machine.
    pub(super) fn of_machine() -> Self {
        Self::all().last().copied().unwrap_or(Self::Plain)
    }

    /// Returns the registers that this machine has, in order of their width.
    fn all() -> Vec<Self> {
        let mut all = vec![Self::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Self::has_eight().then_some(Self::Eight));
            all.extend(Self::has_sixteen().then_some(Self::Sixteen));
        }
        all
    }

    #[cfg(target_arch = "x86_64")]
    fn has_eight() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
    }

    /// Returns whether the machine has registers of sixteen numbers, and the narrower ones too.
    #[cfg(target_arch = "x86_64")]
    fn has_sixteen() -> bool {
        Self::has_eight() && std::arch::is_x86_feature_detected!("avx512f")
    }

    /// Adds `Σ z zᵀ` over the rows `z` of a panel, in the tiles of the upper triangle. The machine
    /// must have these registers.
    pub(super) fn add(self, panel: &[f32], width: usize, sums: &mut [f64]) {
        match self {
            Self::Plain => add_plain(panel, width, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Eight => wide::add_eight(panel, width, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Sixteen => wide::add_sixteen(panel, width, sums),
        }
    }
}

fn add_plain(panel: &[f32], width: usize, sums: &mut [f64]) {
    for top in (0..width).step_by(LANES) {
        for left in (top..width).step_by(LANES) {
            let mut tile = [[0.0_f32; LANES]; LANES];
            for row in panel.chunks_exact(width) {
                let (Some(a), Some(b)) = (row[top..].first_chunk::<LANES>(), row[left..].first_chunk::<LANES>()) else {
                    continue;
                };
                for (sums, a) in tile.iter_mut().zip(a) {
                    sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += a * b);
                }
            }
            add_tile(&tile, &mut sums[top * width + left..], width);
        }
    }
}

/// Adds a tile with `W` columns to a matrix of this width, at its first number.
fn add_tile<const W: usize>(tile: &[[f32; W]; LANES], sums: &mut [f64], width: usize) {
    for (tile, row) in tile.iter().zip(sums.chunks_mut(width)) {
        row.iter_mut().zip(tile).for_each(|(sum, value)| *sum += f64::from(*value));
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the compiler cannot know the machine that the program will run on")]
mod wide {
    use std::arch::x86_64::{
        _mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
        _mm512_add_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{LANES, Registers, add_tile};

    /// The numbers of a register of AVX-512: two tiles side by side.
    const WIDE: usize = 2 * LANES;

    pub(super) fn add_eight(panel: &[f32], width: usize, sums: &mut [f64]) {
        #[target_feature(enable = "avx2")]
        fn eight(panel: &[f32], width: usize, sums: &mut [f64]) {
            for top in (0..width).step_by(LANES) {
                for left in (top..width).step_by(LANES) {
                    tile_of_eight(panel, width, (top, left), sums);
                }
            }
        }
        assert!(Registers::has_eight());
        // SAFETY: the machine has these registers, as was just checked.
        unsafe { eight(panel, width, sums) }
    }

    pub(super) fn add_sixteen(panel: &[f32], width: usize, sums: &mut [f64]) {
        #[target_feature(enable = "avx2,avx512f")]
        fn sixteen(panel: &[f32], width: usize, sums: &mut [f64]) {
            for top in (0..width).step_by(LANES) {
                let mut left = top;
                while left + WIDE <= width {
                    tile_of_sixteen(panel, width, (top, left), sums);
                    left += WIDE;
                }
                if left < width {
                    tile_of_eight(panel, width, (top, left), sums);
                }
            }
        }
        assert!(Registers::has_sixteen());
        // SAFETY: the machine has these registers, as was just checked.
        unsafe { sixteen(panel, width, sums) }
    }

    #[target_feature(enable = "avx2")]
    fn tile_of_eight(panel: &[f32], width: usize, (top, left): (usize, usize), sums: &mut [f64]) {
        let mut tile = [_mm256_setzero_ps(); LANES];
        for row in panel.chunks_exact(width) {
            let (Some(a), Some(b)) = (row[top..].first_chunk::<LANES>(), row[left..].first_chunk::<LANES>()) else {
                continue;
            };
            // SAFETY: the array has eight numbers, and the load needs no alignment.
            let b = unsafe { _mm256_loadu_ps(b.as_ptr()) };
            for (sum, a) in tile.iter_mut().zip(a) {
                *sum = _mm256_add_ps(*sum, _mm256_mul_ps(_mm256_set1_ps(*a), b));
            }
        }
        let mut out = [[0.0; LANES]; LANES];
        for (sum, out) in tile.iter().zip(&mut out) {
            // SAFETY: the array has eight numbers, and the store needs no alignment.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), *sum) };
        }
        add_tile(&out, &mut sums[top * width + left..], width);
    }

    #[target_feature(enable = "avx512f")]
    fn tile_of_sixteen(panel: &[f32], width: usize, (top, left): (usize, usize), sums: &mut [f64]) {
        let mut tile = [_mm512_setzero_ps(); LANES];
        for row in panel.chunks_exact(width) {
            let (Some(a), Some(b)) = (row[top..].first_chunk::<LANES>(), row[left..].first_chunk::<WIDE>()) else {
                continue;
            };
            // SAFETY: the array has sixteen numbers, and the load needs no alignment.
            let b = unsafe { _mm512_loadu_ps(b.as_ptr()) };
            for (sum, a) in tile.iter_mut().zip(a) {
                *sum = _mm512_add_ps(*sum, _mm512_mul_ps(_mm512_set1_ps(*a), b));
            }
        }
        let mut out = [[0.0; WIDE]; LANES];
        for (sum, out) in tile.iter().zip(&mut out) {
            // SAFETY: the array has sixteen numbers, and the store needs no alignment.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), *sum) };
        }
        add_tile(&out, &mut sums[top * width + left..], width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_add_a_panel_gives_the_same_bits() {
        for width in [8, 16, 24, 40, 48] {
            let panel: Vec<f32> = (0..101 * width).map(|at| ((at * 37 % 101) as f32).sin() * 3.0).collect();
            let added = |registers: Registers| {
                let mut sums = vec![0.0; width * width];
                registers.add(&panel, width, &mut sums);
                sums
            };
            let plain = added(Registers::Plain);
            assert!((0..width).all(|i| plain[i * width + i] > 0.0));
            for registers in Registers::all() {
                // The lower triangle has no meaning.
                for i in 0..width {
                    let upper = i * width + i..(i + 1) * width;
                    assert_eq!(added(registers)[upper.clone()], plain[upper], "{registers:?} {width} {i}");
                }
            }
        }
    }
}

//! Small charts as SVG: scales, marks, and heat maps.
//!
//! A drawing has 1,000 units in each direction and is stretched to its place, so it has no text: labels are HTML over
//! it, and keep their size on any screen. A drawing is made of numbers and names of classes alone. No text from outside
//! can become markup.

pub mod scale;
pub mod drawing;
pub mod heat;

pub use drawing::{Drawing, Point};
pub use scale::{Scale, Tick};

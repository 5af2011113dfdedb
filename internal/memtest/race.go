//go:build race

package memtest

// raceDetector multiplies what memory a program takes.
const raceDetector = true

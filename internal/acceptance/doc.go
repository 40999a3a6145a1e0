// Package acceptance has no code but tests: whole scans of the simulated
// Internet, by the program as users have it, held against the truth.
//
// A cell is a method, a family and a network with one kind of trouble. A test
// run takes half of a pairwise cover of all cells with 1,000 targets each, a soak
// (MASSTRACE_SOAK=1) takes all cells with 50,000. Each is
//
//	masstrace lab … --log L --counters C -- masstrace scan … -o R
//
// and then verify.Run on R, L and C. judge_test.go checks the properties of every network,
// and networks_test.go those of single networks.
//
// The program is built by the tests, so that the test cache does not know when
// it changes: -count=1.
package acceptance

// Package programs has no code but tests: the four programs in a lab of Linux routers, on
// captures, and side by side with the tools of others.
package programs

// Package programs has only tests: the four programs in a lab of Linux routers, on
// captures, and side by side with other tools.
package programs

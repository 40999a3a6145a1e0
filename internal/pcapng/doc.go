// Package pcapng reads capture files, pcap and pcapng, and writes pcapng files. A
// File yields the frames of a capture and the notes between them; a Capture writes
// what a run sends and receives while it runs. What is in the frames is left to
// others.
package pcapng

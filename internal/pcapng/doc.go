// Package pcapng reads capture files, pcap and pcapng, and writes pcapng files. A File returns the
// frames of a capture and the notes between them. A Capture writes the frames that a run sends and
// receives, during the run. The package does not decode the frames.
package pcapng

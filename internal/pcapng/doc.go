// Package pcapng reads capture files, pcap and pcapng, and writes pcapng files. A File
// yields the frames of a capture and the notes between them. A Capture writes the packets
// of a run while it runs. Other packages decode the frames.
package pcapng

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/masstrace/masstrace/bench"
)

// scanned makes a capture of about n frames with scan --pcap, from a scan of the simulated Internet
// at that rate. It returns how many frames the capture has.
func scanned(masstrace, path string, n, rate int) (frames int, err error) {
	dir := filepath.Dir(path)
	list, records := filepath.Join(dir, "targets"), filepath.Join(dir, "records")
	defer os.Remove(records)
	var b []byte
	for i := range max(n/2/maxTTL, 1) {
		b = fmt.Appendf(b, "%d.%d.%d.7\n", 45+i>>16, i>>8&255, i&255)
	}
	if err := os.WriteFile(list, b, 0o600); err != nil {
		return 0, err
	}
	cmd := exec.Command(masstrace, "lab", "--preset", "clean", "--", masstrace, "scan", "-q", "--strategy=exhaustive", "--no-stop", "--wait", "1s",
		"--rate", strconv.Itoa(rate), "--overwrite", "--pcap", path, "-o", records, list)
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("make capture: %w\n%s", err, text)
	}
	var summary struct{ Sent, Frames int }
	if err := bench.ReadSummary(records, &summary); err != nil {
		return 0, fmt.Errorf("make capture: %w", err)
	}
	return summary.Sent + summary.Frames, nil
}

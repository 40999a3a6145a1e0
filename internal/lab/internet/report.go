package internet

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/outfile"
)

// report is the output of a simulated Internet: the log, and the counters.
type report struct {
	log      *netsim.LogWriter
	file     *outfile.File // of the log
	counters *outfile.File
}

// openReport opens the files, so that an error shows before the command starts.
func openReport(o Options) (r *report, err error) {
	r = new(report)
	if o.Counters != "" {
		if r.counters, err = outfile.Open(o.Counters, os.Stdout, o.Existing); err != nil {
			return nil, fmt.Errorf("counters: %w", err)
		}
	}
	if o.Log == "" {
		return r, nil
	}
	if r.file, err = outfile.Open(o.Log, os.Stdout, o.Existing); err != nil {
		return nil, errors.Join(fmt.Errorf("log: %w", err), r.counters.Discard())
	}
	r.log, err = netsim.NewLogWriter(r.file, o.Network)
	return r, err
}

// Counters is the content of the file Options.Counters.
type Counters struct {
	// Simulator counts the fates of the received packets, and the packets that were sent.
	Simulator map[string]uint64 `json:"simulator"`
	// Packets that never reached the simulator, that had no room while they were delayed, and
	// that the link did not accept.
	LostIn    uint64 `json:"lost_in"`
	LostDelay uint64 `json:"lost_delay"`
	LostOut   uint64 `json:"lost_out"`
}

// write closes the log and writes the counters. It also prints the packets lost in the simulator on
// stderr, because they are not part of the truth.
func (r *report) write(sim *netsim.Sim, p *pump) error {
	c := Counters{Simulator: make(map[string]uint64), LostDelay: p.queue.Drops()}
	counters := sim.Counters()
	counters.Each(func(name string, n uint64) { c.Simulator[name] = n })
	c.LostIn, c.LostOut = p.lostIn, p.lostOut
	if c.LostIn+c.LostDelay+c.LostOut > 0 {
		fmt.Fprintf(os.Stderr, "lab: the simulated Internet lost %d packets on the way in, %d under way, %d on the way out\n",
			c.LostIn, c.LostDelay, c.LostOut)
	}
	return errors.Join(r.writeCounters(&c), r.closeLog())
}

func (r *report) writeCounters(c *Counters) error {
	if r.counters == nil {
		return nil
	}
	w := bufio.NewWriter(r.counters)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return errors.Join(e.Encode(c), w.Flush(), r.counters.Close())
}

func (r *report) closeLog() error {
	if r.log == nil {
		return nil
	}
	return errors.Join(r.log.Flush(), r.file.Close())
}

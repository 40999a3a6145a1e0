package commands

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/metrics"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/scan"
	"github.com/masstrace/masstrace/internal/statusfile"
)

// reportTo adds the observers of --status and --metrics to cfg. stop ends them after the scan.
func (c *ScanCmd) reportTo(cfg *scan.Config, screen *console, signals *signals) (stop func(), err error) {
	r := reports{metrics: c.Metrics, status: c.StatusFile, overwrite: c.Overwrite, run: "scan", checkFiles: cfg.CheckFiles}
	observers, counts, stop, err := r.open(screen)
	if err != nil {
		return nil, err
	}
	if counts != nil {
		cfg.Sinks = append(cfg.Sinks, counts)
	}
	cfg.Observer = signals.watching(observers)
	return stop, nil
}

// reports are what --status and --metrics ask for.
type reports struct {
	metrics, status string // "" for none
	overwrite       bool
	run             string // a word for the run that goes on without a report
	checkFiles      func() error
}

// open returns the console with the observers of the reports. counts is nil without --metrics. stop
// ends them after the run.
func (r *reports) open(screen *console) (observers observe.All, counts *metrics.Metrics, stop func(), err error) {
	observers = observe.All{screen}
	var server *listen.Server
	if r.metrics != "" { // before a file is made
		counts = metrics.New(version)
		if server, err = metrics.Serve(r.metrics, counts); err != nil {
			return nil, nil, nil, fmt.Errorf("--metrics: %w", err)
		}
		observers = append(observers, counts)
		screen.line("metrics: http://" + server.Addr() + "/metrics")
	}
	var file *statusfile.File
	if r.status != "" {
		if err = r.checkFiles(); err == nil {
			file, err = statusfile.Create(r.status, outfile.ExistingIf(r.overwrite), func(err error) {
				screen.alert(fmt.Sprintf("warning: --status: %v; the %s goes on without it", err, r.run))
			})
		}
		if err != nil {
			server.Close()
			return nil, nil, nil, err
		}
		observers = append(observers, file)
	}
	return observers, counts, func() {
		server.Close()
		if err := file.Close(); err != nil {
			screen.alert(fmt.Sprintf("warning: --status: %v", err))
		}
	}, nil
}

// checkReports checks the values of --status and --metrics.
func checkReports(status, address string) error {
	if status == "-" {
		return errors.New("--status needs the name of a file")
	}
	if address != "" {
		if _, err := listen.Address(address); err != nil {
			return fmt.Errorf("--metrics: %w", err)
		}
	}
	return nil
}

// validateReports checks the flags of status lines, status files and metrics.
func (c *ScanCmd) validateReports() error {
	var t timespan
	if c.StatusFile != "" && t.UnmarshalText([]byte(c.StatusFile)) == nil {
		return fmt.Errorf("--status %s: --status takes a file; the time between status lines is --status-every %[1]s", c.StatusFile)
	}
	return checkReports(c.StatusFile, c.Metrics)
}

package commands

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/metrics"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/scan"
	"github.com/masstrace/masstrace/internal/statusfile"
)

// statusFiles returns the file of --status, if it is given.
func (c *ScanCmd) statusFiles() (paths []string) {
	if c.StatusFile != "" {
		paths = append(paths, c.StatusFile)
	}
	return paths
}

// reportTo adds the observers of --status and --metrics to cfg. stop ends them after the scan.
func (c *ScanCmd) reportTo(cfg *scan.Config, screen *console, signals *signals) (stop func(), err error) {
	observers := observe.All{screen}
	var server *metrics.Server
	if c.Metrics != "" { // before a file is made
		counts := metrics.New(version)
		if server, err = metrics.Serve(c.Metrics, counts); err != nil {
			return nil, fmt.Errorf("--metrics: %w", err)
		}
		observers, cfg.Sinks = append(observers, counts), append(cfg.Sinks, counts)
		screen.line("metrics: http://" + server.Addr() + "/metrics")
	}
	var file *statusfile.File
	if c.StatusFile != "" {
		if err = cfg.CheckFiles(); err == nil {
			file, err = statusfile.Create(c.StatusFile, outfile.ExistingIf(c.Overwrite), func(err error) {
				screen.alert(fmt.Sprintf("warning: --status: %v; the scan goes on without it", err))
			})
		}
		if err != nil {
			server.Close()
			return nil, err
		}
		observers = append(observers, file)
	}
	cfg.Observer = signals.watching(observers)
	return func() {
		server.Close()
		if err := file.Close(); err != nil {
			screen.alert(fmt.Sprintf("warning: --status: %v", err))
		}
	}, nil
}

// validateReports checks the flags of status lines, status files and metrics.
func (c *ScanCmd) validateReports() error {
	var t timespan
	if c.StatusFile != "" && t.UnmarshalText([]byte(c.StatusFile)) == nil {
		return fmt.Errorf("--status %s: --status takes a file; the time between status lines is --status-every %[1]s", c.StatusFile)
	}
	if c.StatusFile == "-" {
		return fmt.Errorf("--status needs the name of a file")
	}
	if c.Metrics != "" {
		if _, err := listen.Address(c.Metrics); err != nil {
			return fmt.Errorf("--metrics: %w", err)
		}
	}
	return nil
}

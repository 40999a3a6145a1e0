// Package policy is the word of the owner of an agent: what others may measure from there. It binds
// whatever the hub asks for.
package policy

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/quantity"
	"github.com/masstrace/masstrace/internal/target"
)

// Policy is what an owner allows. The zero value allows everything.
type Policy struct {
	Methods    []string // names, nil for all
	Ports      [][2]uint16
	RatePPS    float64 // 0 for no limit
	Hours      [][2]time.Duration
	Submitters []string // nil for all
	Forbidden  target.Set
}

// The words that begin a line.
const (
	wordMethods    = "methods"
	wordPorts      = "ports"
	wordRate       = "rate"
	wordHours      = "hours"
	wordSubmitters = "submitters"
	wordTargets    = "targets"
	wordExclude    = "exclude"
)

// Read reads a policy file. A line has a word and its values, separated by spaces:
//
//	methods udp icmp
//	ports 33434-33534
//	rate 500
//	hours 22:00-06:00
//	submitters alice bob
//	targets 192.0.2.0/24 lists/ours.txt
//	exclude lists/never.txt
//
// A missing line allows everything, and a # begins a comment. Hours are those of the local clock.
// An error names the file and the line.
func Read(path string) (*Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(path, f)
}

// Parse reads a policy; errors name it.
func Parse(name string, r io.Reader) (*Policy, error) {
	p := &Policy{}
	var allowed, excluded []string
	lines := target.NewLineReader(name, r)
	seen := map[string]bool{}
	for {
		line, err := lines.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		words := strings.Fields(line)
		word, values := words[0], words[1:]
		switch {
		case seen[word]:
			err = fmt.Errorf("%s has two lines", word)
		case len(values) == 0:
			err = fmt.Errorf("%s has no value", word)
		case word == wordTargets:
			allowed = values
		case word == wordExclude:
			excluded = values
		default:
			err = p.set(word, values)
		}
		if err != nil {
			return nil, lines.Wrap(err)
		}
		seen[word] = true
	}
	var err error
	p.Forbidden, err = forbidden(allowed, excluded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// forbidden returns all addresses that the lists do not allow.
func forbidden(allowed, excluded []string) (target.Set, error) {
	var set target.Set
	if allowed != nil {
		ours, err := read(allowed)
		if err != nil {
			return set, err
		}
		all, err := read([]string{"0.0.0.0/0", "::/0"})
		if err != nil {
			return set, err
		}
		set = all.Set().Minus(ours.Set())
	}
	if excluded != nil {
		never, err := read(excluded)
		if err != nil {
			return set, err
		}
		set = set.Union(never.Set())
	}
	return set, nil
}

// set takes the values of a line.
func (p *Policy) set(word string, values []string) (err error) {
	switch word {
	case wordMethods:
		known := []string{"udp", "icmp", "tcp-syn", "tcp-ack"}
		for _, v := range values {
			if !slices.Contains(known, v) {
				return fmt.Errorf("%q is not a method: use %s", v, strings.Join(known, ", "))
			}
		}
		p.Methods = values
	case wordSubmitters:
		p.Submitters = values
	case wordRate:
		p.RatePPS, err = quantity.Parse(values[0], 1000)
		if err == nil && (len(values) > 1 || !(p.RatePPS > 0)) {
			err = fmt.Errorf("rate needs one number above 0")
		}
	case wordPorts:
		for _, v := range values {
			low, high, two := strings.Cut(v, "-")
			if !two {
				high = low
			}
			a, err1 := strconv.ParseUint(low, 10, 16)
			b, err2 := strconv.ParseUint(high, 10, 16)
			if err1 != nil || err2 != nil || a > b {
				return fmt.Errorf("%q is not a range of ports", v)
			}
			p.Ports = append(p.Ports, [2]uint16{uint16(a), uint16(b)})
		}
	case wordHours:
		for _, v := range values {
			low, high, _ := strings.Cut(v, "-")
			a, err1 := time.Parse("15:04", low)
			b, err2 := time.Parse("15:04", high)
			if err1 != nil || err2 != nil {
				return fmt.Errorf("%q is not a range of hours, such as 22:00-06:00", v)
			}
			p.Hours = append(p.Hours, [2]time.Duration{sinceMidnight(a), sinceMidnight(b)})
		}
	default:
		return fmt.Errorf("%q is not known: use methods, ports, rate, hours, submitters, targets or exclude", word)
	}
	return err
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// Open reports whether the hours allow probes at a time of the local clock.
func (p *Policy) Open(t time.Time) bool {
	if len(p.Hours) == 0 {
		return true
	}
	now := sinceMidnight(t)
	for _, h := range p.Hours {
		if h[0] <= h[1] && now >= h[0] && now < h[1] || h[0] > h[1] && (now >= h[0] || now < h[1]) {
			return true
		}
	}
	return false
}

// Refusal returns why the owner does not allow a job, or "" if the job is allowed. It does not look
// at targets.
func (p *Policy) Refusal(j *job.Job) string {
	o := &j.Spec.Options
	switch {
	case p.Submitters != nil && !slices.Contains(p.Submitters, j.Submitter):
		return "the policy does not allow submitter " + j.Submitter
	case p.Methods != nil && !slices.Contains(p.Methods, o.Method):
		return "the policy does not allow method " + o.Method
	case p.Ports != nil && o.Method != "icmp" && !p.allowsPort(o.DstPort):
		return fmt.Sprintf("the policy does not allow destination port %d", o.DstPort)
	}
	return ""
}

func (p *Policy) allowsPort(port uint16) bool {
	for _, r := range p.Ports {
		if port >= r[0] && port <= r[1] {
			return true
		}
	}
	return false
}

// TargetRefusal returns why the owner does not allow the targets of a job, or "". forbidden is how
// many targets of all the policy forbids. A split job needs all of its targets: no other agent
// would trace those that are left out.
func TargetRefusal(mode job.Mode, forbidden, all uint64) string {
	switch {
	case forbidden == 0:
		return ""
	case forbidden == all:
		return "the policy does not allow any of the targets"
	case mode == job.Split:
		return fmt.Sprintf("the policy does not allow %d of %d targets, and a split job needs all", forbidden, all)
	}
	return ""
}

// read reads lists: addresses, prefixes, ranges and files.
func read(args []string) (*target.Lines, error) {
	lists, err := intake.Read(context.Background(), intake.Config{Args: args})
	if err != nil {
		return nil, err
	}
	return lists.Lines, nil
}

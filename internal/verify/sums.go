package verify

import (
	"fmt"
	"slices"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
)

// Sums compares the summary record with the log.
type Sums struct {
	Lines []Sum `json:"lines"`
	// Findings compares the findings with the traces of the results, not with the log.
	Findings []Sum `json:"findings,omitempty"`
	// SaidSilencePct is the share of probes without an answer in percent, by the summary.
	// SilencePct is the true share; OffPoints is the difference.
	SaidSilencePct float64 `json:"said_silence_pct"`
	SilencePct     float64 `json:"silence_pct"`
	OffPoints      float64 `json:"off_points"`
	// Traces whose own counts differ from the log.
	TracesWrongSent     uint64 `json:"traces_wrong_sent"`
	TracesWrongAnswered uint64 `json:"traces_wrong_answered"`
	Unbalanced          string `json:"unbalanced,omitempty"`
}

// Sum is one count.
type Sum struct {
	Name string `json:"name"`
	Said uint64 `json:"said"`
	Is   uint64 `json:"is"` // according to the log, or to the traces
	// Note is a possible reason for a difference. Fault means that nothing explains it.
	Note  string `json:"note,omitempty"`
	Fault bool   `json:"fault,omitempty"`
}

// logged is the counts of the log, and of the traces, that a summary is compared with.
type logged struct {
	probes                      uint64
	answered                    uint64 // probes with an answer in time that can be a hop
	most                        uint64 // the same, without a limit of time
	copies, flips, hoplessFlips uint64
	hopless, acks               uint64
	traces                      traceSums
	paths                       bool // there are multipath records
	cut                         bool
}

// logged counts. It needs the summary of the probes.
func (c *checker) logged() (l logged) {
	for p := range c.asked.all {
		if !p.emitted() {
			if p.copies > 0 && p.marks&flipped != 0 {
				l.hoplessFlips++
			}
			continue
		}
		l.most++
		if c.heard(p) {
			l.answered++
			l.copies += uint64(p.copies) - 1
			if p.marks&flipped != 0 {
				l.flips++
			}
		}
	}
	l.probes = c.report.Probes.Sent - c.resumes.abandoned
	l.hopless, l.acks = c.asked.copies[netsim.UDPReply], c.asked.copies[netsim.ChallengeACK]
	l.traces, l.paths, l.cut = c.sums, c.paths != nil, c.asked.cut
	return l
}

// add adds the counts of another vantage point.
func (l *logged) add(o *logged) {
	l.probes += o.probes
	l.answered += o.answered
	l.most += o.most
	l.copies += o.copies
	l.flips += o.flips
	l.hoplessFlips += o.hoplessFlips
	l.hopless += o.hopless
	l.acks += o.acks
	l.traces.exts += o.traces.exts
	l.traces.sent += o.traces.sent
	l.traces.answered += o.traces.answered
	l.traces.wrongSent += o.traces.wrongSent
	l.traces.wrongAnswer += o.traces.wrongAnswer
	l.paths, l.cut = l.paths || o.paths, l.cut || o.cut
}

// sumsReport compares the summary, if there is one.
func (c *checker) sumsReport() *Sums {
	if c.summary == nil {
		return nil
	}
	l := c.logged()
	r := l.sums(c.summary, c.opt.counters)
	if c.summary.Findings != nil && c.report.BadLines == 0 { // lines that cannot be read may be traces
		r.Findings = c.found.sums(c.summary.Findings)
	}
	for _, l := range r.faulty() {
		c.example("summary", "%s: %d, but there are %d", l.Name, l.Said, l.Is)
	}
	return r
}

// faulty returns the lines that nothing explains.
func (s *Sums) faulty() []Sum {
	return slices.DeleteFunc(slices.Concat(s.Lines, s.Findings), func(l Sum) bool { return !l.Fault })
}

// sums compares a summary. counters may be nil.
func (l *logged) sums(summary *record.Summary, counters *counters) *Sums {
	s := withDiagnosis(summary)
	r := &Sums{TracesWrongSent: l.traces.wrongSent, TracesWrongAnswered: l.traces.wrongAnswer}
	r.Lines = append(r.Lines, l.sentSum(s.Sent, counters))
	r.Lines = append(r.Lines, Sum{Name: "answered", Said: s.Answered, Is: l.answered,
		Note:  differs(s.Answered, l.answered, "late, lost after the simulator, or tags that agree by chance"),
		Fault: s.Answered > l.most})
	r.Lines = append(r.Lines, Sum{Name: "duplicates", Said: s.Duplicates, Is: l.copies,
		Note: differs(s.Duplicates, l.copies, fmt.Sprintf("and %d copies with wrong bits", l.flips))})
	r.Lines = append(r.Lines, Sum{Name: "udp_reply", Said: s.UDPReplies, Is: l.hopless,
		Note:  differs(s.UDPReplies, l.hopless, fmt.Sprintf("late, lost after the simulator, or of %d copies with wrong bits", l.hoplessFlips)),
		Fault: s.UDPReplies > l.hopless+l.hoplessFlips})
	if s.PureACKs+l.acks > 0 {
		r.Lines = append(r.Lines, Sum{Name: "pure_ack", Said: s.PureACKs, Is: l.acks,
			Note: differs(s.PureACKs, l.acks, "late, or lost after the simulator")})
	}
	if t := &l.traces; t.exts > 0 && !l.paths { // multipath records have the probes of most flows
		r.Lines = append(r.Lines,
			Sum{Name: "sent, by trace-ext", Said: s.Sent, Is: t.sent, Fault: s.Sent != t.sent},
			Sum{Name: "answered, by trace-ext", Said: s.Answered, Is: t.answered, Fault: s.Answered != t.answered})
	}
	r.SaidSilencePct = percentSilent(s.Answered, s.Sent)
	r.SilencePct = percentSilent(l.answered, l.probes)
	r.OffPoints = r.SaidSilencePct - r.SilencePct
	if err := summary.Balance(); err != nil {
		r.Unbalanced = err.Error()
	}
	return r
}

// withDiagnosis returns a summary whose counts of probes include those of a diagnosis.
func withDiagnosis(s *record.Summary) *record.Summary {
	if s.Diagnosis == nil {
		return s
	}
	all := *s
	all.Sent += s.Diagnosis.Sent
	all.Answered += s.Diagnosis.Answered
	all.Silent += s.Diagnosis.Silent
	return &all
}

// diagnosed reports whether the run asked targets again with other methods.
func (c *checker) diagnosed() bool { return c.summary != nil && c.summary.Diagnosis != nil }

// sentSum compares the number of probes sent. Probes lost by the link are not in the log.
func (l *logged) sentSum(said uint64, counters *counters) Sum {
	probes := l.probes
	s := Sum{Name: "sent", Said: said, Is: probes, Fault: said < probes && !l.cut}
	if said <= probes || l.cut {
		return s
	}
	s.Note = "lost by the link"
	if n := counters; n != nil {
		s.Note = fmt.Sprintf("the link lost %d packets", n.LostIn)
		s.Fault = said > probes+n.LostIn
	}
	return s
}

func differs(said, is uint64, note string) string {
	if said == is {
		return ""
	}
	return note
}

func percentSilent(answered, sent uint64) float64 {
	if sent == 0 {
		return 0
	}
	return 100 * (1 - float64(answered)/float64(sent))
}

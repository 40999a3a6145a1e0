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

// sumsReport compares the summary, if there is one.
func (c *checker) sumsReport() *Sums {
	s := c.summary
	if s == nil {
		return nil
	}
	s = withDiagnosis(s)
	var answered, most, copies, flips, hoplessFlips uint64
	for p := range c.asked.all {
		if !p.emitted() {
			if p.copies > 0 && p.marks&flipped != 0 {
				hoplessFlips++
			}
			continue
		}
		most++
		if c.heard(p) {
			answered++
			copies += uint64(p.copies) - 1
			if p.marks&flipped != 0 {
				flips++
			}
		}
	}
	probes := c.report.Probes.Sent - c.resumes.abandoned
	r := &Sums{TracesWrongSent: c.sums.wrongSent, TracesWrongAnswered: c.sums.wrongAnswer}
	r.Lines = append(r.Lines, c.sentSum(probes))
	r.Lines = append(r.Lines, Sum{Name: "answered", Said: s.Answered, Is: answered,
		Note:  differs(s.Answered, answered, "late, lost after the simulator, or tags that agree by chance"),
		Fault: s.Answered > most})
	r.Lines = append(r.Lines, Sum{Name: "duplicates", Said: s.Duplicates, Is: copies,
		Note: differs(s.Duplicates, copies, fmt.Sprintf("and %d copies with wrong bits", flips))})
	hopless := c.asked.copies[netsim.UDPReply]
	r.Lines = append(r.Lines, Sum{Name: "udp_reply", Said: s.UDPReplies, Is: hopless,
		Note:  differs(s.UDPReplies, hopless, fmt.Sprintf("late, lost after the simulator, or of %d copies with wrong bits", hoplessFlips)),
		Fault: s.UDPReplies > hopless+hoplessFlips})
	if acks := c.asked.copies[netsim.ChallengeACK]; s.PureACKs+acks > 0 {
		r.Lines = append(r.Lines, Sum{Name: "pure_ack", Said: s.PureACKs, Is: acks,
			Note: differs(s.PureACKs, acks, "late, or lost after the simulator")})
	}
	if c.sums.exts > 0 {
		r.Lines = append(r.Lines,
			Sum{Name: "sent, by trace-ext", Said: s.Sent, Is: c.sums.sent, Fault: s.Sent != c.sums.sent && c.paths == nil},
			Sum{Name: "answered, by trace-ext", Said: s.Answered, Is: c.sums.answered, Fault: s.Answered != c.sums.answered && c.paths == nil})
	}
	if s.Findings != nil && c.report.BadLines == 0 { // lines that cannot be read may be traces
		r.Findings = c.found.sums(s.Findings)
	}
	r.SaidSilencePct = percentSilent(s.Answered, s.Sent)
	r.SilencePct = percentSilent(answered, probes)
	r.OffPoints = r.SaidSilencePct - r.SilencePct
	if err := c.summary.Balance(); err != nil {
		r.Unbalanced = err.Error()
	}
	for _, l := range slices.Concat(r.Lines, r.Findings) {
		if l.Fault {
			c.example("summary", "%s: %d, but there are %d", l.Name, l.Said, l.Is)
		}
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
func (c *checker) sentSum(probes uint64) Sum {
	said := withDiagnosis(c.summary).Sent
	l := Sum{Name: "sent", Said: said, Is: probes, Fault: said < probes && !c.asked.cut}
	if said <= probes || c.asked.cut {
		return l
	}
	l.Note = "lost by the link"
	if n := c.opt.counters; n != nil {
		l.Note = fmt.Sprintf("the link lost %d packets", n.LostIn)
		l.Fault = said > probes+n.LostIn
	}
	return l
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

package traceroute

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/record"
)

// Verdict writes why a trace ends before its target, and the faults on its way: a line each. The rows
// show that a target was reached. It writes nothing of a trace that is not judged. flows, in ascending
// order, are the flows that it is about, if others have another verdict; else nil.
func (r *Writer) Verdict(v *record.Judgement, flows []uint16) error {
	if v.Verdict == record.NotJudged {
		return nil
	}
	of := ""
	if len(flows) > 0 {
		of = flowsText(flows) + ": "
	}
	if v.Verdict != record.VerdictReached {
		if err := r.line("    (%s%s: %s)", of, v.Verdict, because(v)); err != nil {
			return err
		}
	}
	for i := range v.Conditions {
		c := &v.Conditions[i]
		if err := r.line("    (%s%s: %s)", of, c.Kind, conditionText(c)); err != nil {
			return err
		}
	}
	return nil
}

// flowsText returns the name of some flows.
func flowsText(flows []uint16) string {
	if len(flows) == 1 {
		return fmt.Sprintf("flow %d", flows[0])
	}
	return "flows " + ranges(flows)
}

// because returns the evidence of a verdict as words.
func because(v *record.Judgement) string {
	at := "the last router"
	if !v.Addr.IsZero() {
		at = fmt.Sprintf("%s at TTL %d", v.Addr, v.TTL)
	}
	switch v.Basis {
	case record.BasisReport:
		return reportText(v, at)
	case record.BasisRepeat:
		return fmt.Sprintf("%s answers again up to TTL %d", at, v.AgainTTL)
	case record.BasisLastRouter:
		return fmt.Sprintf("%s is the last router before the target, %s", at, silentText(v))
	case record.BasisOwnRouter:
		return fmt.Sprintf("%s serves the target's prefix alone, %s", at, silentText(v))
	case record.BasisSharedRouter:
		return fmt.Sprintf("%s also serves other prefixes, %s", at, silentText(v))
	case record.BasisNoRouter:
		return fmt.Sprintf("no answer at all to %d probes", v.Silent)
	case record.BasisOtherMethod:
		return fmt.Sprintf("%s passes, %s ends after %s", v.Passed, askedText(v), at)
	}
	return undecidedText(v, at)
}

// askedText returns the method that does not pass. Files of older versions do not have it.
func askedText(v *record.Judgement) string {
	if v.Asked == (record.Asked{}) {
		return "the first method"
	}
	return v.Asked.String()
}

// undecidedText returns why there is no other verdict.
func undecidedText(v *record.Judgement, at string) string {
	switch v.Basis {
	case record.BasisFewProbes:
		return fmt.Sprintf("only %s", silentText(v))
	case record.BasisOurLoss:
		return "this machine may have lost the replies"
	case record.BasisWithheld:
		return fmt.Sprintf("a reply beyond %s is not certain", at)
	case record.BasisStopped:
		return "the trace was stopped"
	case record.BasisLastTTL:
		return "routers answer up to the last TTL"
	}
	return fmt.Sprintf("nothing shows whether %s is near the target; %s", at, silentText(v))
}

func silentText(v *record.Judgement) string {
	if v.Silent == 1 {
		return "1 probe beyond is silent"
	}
	return fmt.Sprintf("%d probes beyond are silent", v.Silent)
}

// reportText returns who reported what.
func reportText(v *record.Judgement, at string) string {
	if v.HasKind {
		return fmt.Sprintf("%s reports %s, code %d", at, v.Kind, v.Code)
	}
	return fmt.Sprintf("%s reports code %d", at, v.Code)
}

func conditionText(c *record.Condition) string {
	where := fmt.Sprintf("TTL %d", c.FirstTTL)
	if c.FirstTTL != c.LastTTL {
		where = fmt.Sprintf("TTLs %d to %d", c.FirstTTL, c.LastTTL)
	}
	router := "a router"
	if !c.Addr.IsZero() {
		router = c.Addr.String()
	}
	silent := fmt.Sprintf("%d of %d probes silent", c.Silent, c.Probes)
	switch c.Kind {
	case record.RateLimited:
		return fmt.Sprintf("%s at %s limits its answers, %s", router, where, silent)
	case record.Lossy:
		return fmt.Sprintf("loss from TTL %d on up to the target, %s", c.FirstTTL, silent)
	case record.PathMTU:
		if c.MTU != 0 {
			return fmt.Sprintf("%s at %s passes %d bytes", router, where, c.MTU)
		}
		return fmt.Sprintf("the probe is too large for %s at %s", router, where)
	}
	return fmt.Sprintf("this machine may have lost replies at %s, %s", where, silent)
}

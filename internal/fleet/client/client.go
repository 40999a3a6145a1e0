// Package client is the side of a submitter: it submits jobs, lists and cancels them, and fetches
// their results.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/plan"
)

// Client is a connection of a submitter.
type Client struct{ conn *talk.Conn }

// Open connects to the hub of a credentials file, or to url instead, and checks that the versions
// fit.
func Open(ctx context.Context, f *creds.File, url, software string) (*Client, error) {
	if f.Role != creds.Submitter {
		return nil, errors.New("these credentials are those of an agent: a submitter needs its own")
	}
	conn, err := talk.Dial(f, url, talk.Once, talk.Events{})
	if err != nil {
		return nil, err
	}
	c := &Client{conn}
	var reply talk.Hello
	own := talk.Own(software)
	_, err = conn.Ask(ctx, talk.VerbHello, &own, nil, &reply)
	if err == nil {
		err = talk.Speaks(talk.Party{Name: "this submitter", Hello: own}, talk.Party{Name: "the hub", Hello: reply})
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// List gives the hub a list, and returns its digest.
func (c *Client) List(ctx context.Context, text []byte) (digest string, err error) {
	digest = job.Digest(text)
	for at := int64(0); ; {
		part := text[at:min(at+talk.Chunk, int64(len(text)))]
		var reply talk.PutReply
		_, err := c.conn.Ask(ctx, talk.VerbList, &talk.List{Digest: digest, Offset: at, Size: int64(len(text))}, part, &reply)
		if err != nil {
			return "", err
		}
		if at = min(reply.Size, int64(len(text))); at == int64(len(text)) {
			return digest, nil
		}
	}
}

// Submit submits a job whose lists the hub has.
func (c *Client) Submit(ctx context.Context, s *job.Spec) (*job.Job, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	own := *s
	own.Request = cmp.Or(s.Request, plan.RandomHex(16))
	j := new(job.Job)
	_, err := c.conn.Ask(ctx, talk.VerbSubmit, &own, nil, j)
	return j, err
}

// Jobs returns all jobs and agents of the hub.
func (c *Client) Jobs(ctx context.Context) (*talk.JobsReply, error) {
	all := new(talk.JobsReply)
	for {
		reply := new(talk.JobsReply)
		if _, err := c.conn.Ask(ctx, talk.VerbJobs, &talk.ListJobs{From: len(all.Jobs)}, nil, reply); err != nil {
			return nil, err
		}
		if len(all.Jobs) == 0 {
			all.Agents = reply.Agents
		}
		all.Jobs, all.Total = append(all.Jobs, reply.Jobs...), reply.Total
		if len(all.Jobs) >= all.Total || len(reply.Jobs) == 0 {
			return all, nil
		}
	}
}

// JobOf returns one job, by its number or name, and all agents.
func (c *Client) JobOf(ctx context.Context, name string) (*talk.JobState, []talk.AgentState, error) {
	reply := new(talk.JobsReply)
	if _, err := c.conn.Ask(ctx, talk.VerbJobs, &talk.ListJobs{Job: name}, nil, reply); err != nil {
		return nil, nil, err
	}
	if len(reply.Jobs) != 1 {
		return nil, nil, errors.New("the hub has sent no job")
	}
	return &reply.Jobs[0], reply.Agents, nil
}

// Cancel cancels a job, by its number or name.
func (c *Client) Cancel(ctx context.Context, name string) (*talk.JobState, error) {
	// The hub prefers a job of this submitter to a later one of another with the same name.
	j, _, err := c.JobOf(ctx, name)
	if err != nil {
		return nil, err
	}
	// The request has the number: if it comes again later, it ends no newer job of the name.
	s := new(talk.JobState)
	_, err = c.conn.Ask(ctx, talk.VerbCancel, &talk.JobName{Job: j.Job.ID}, nil, s)
	return s, err
}

// Entries returns a job with all entries of its ledger, in the order of agents and slices.
func (c *Client) Entries(ctx context.Context, name string) (*talk.EntriesReply, error) {
	all := new(talk.EntriesReply)
	for {
		reply := new(talk.EntriesReply)
		if _, err := c.conn.Ask(ctx, talk.VerbEntries, &talk.Entries{Job: name, From: len(all.Entries)}, nil, reply); err != nil {
			return nil, err
		}
		if err := reply.Job.CheckNames(); err != nil {
			return nil, fmt.Errorf("the hub sends a wrong job: %w", err)
		}
		for _, e := range reply.Entries {
			if err := job.CheckEntry(&e); err != nil {
				return nil, fmt.Errorf("the hub sends a wrong manifest: %w", err)
			}
		}
		if len(reply.Entries) == 0 && len(all.Entries) < reply.Total {
			return nil, errors.New("the hub sends no entries")
		}
		reply.Entries = append(all.Entries, reply.Entries...)
		if all = reply; len(all.Entries) >= all.Total {
			return all, nil
		}
	}
}

// Segment returns the records of an entry, as they are in the file.
func (c *Client) Segment(ctx context.Context, id string, e *ledger.Entry) ([]byte, error) {
	text, err := c.conn.Fetch(ctx, talk.Get{Job: id, Unit: &e.Unit})
	if err == nil && job.Digest(text) != e.SHA256 {
		err = fmt.Errorf("%s is damaged at the hub: restore it from a copy, or submit the job again", e.Segment())
	}
	return text, err
}

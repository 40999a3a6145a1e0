package talk

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Bounds of Fetch.
const (
	ahead    = 4       // parts that are asked for at a time, so that a long way to the hub costs less
	mostFile = 1 << 30 // bytes; the hub takes no longer list or segment
)

// Fetch returns a whole file of the hub: a list or a segment.
func (c *Conn) Fetch(ctx context.Context, q Get) ([]byte, error) {
	return fetch(ctx, q, func(ctx context.Context, q Get) (part []byte, size int64, err error) {
		var reply GetReply
		part, err = c.Ask(ctx, VerbGet, &q, nil, &reply)
		return part, reply.Size, err
	})
}

// fetch gets the parts of a file. The first one has the size of the file and of the parts.
func fetch(ctx context.Context, q Get, ask func(context.Context, Get) (part []byte, size int64, err error)) ([]byte, error) {
	first, size, err := ask(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case size < 0 || size > mostFile || int64(len(first)) > size:
		return nil, fmt.Errorf("the hub sends %d of %d bytes", len(first), size)
	case int64(len(first)) == size:
		return first, nil
	case len(first) == 0:
		return nil, errors.New("the hub sends nothing")
	}
	content, step := make([]byte, size), int64(len(first))
	copy(content, first)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	offsets := make(chan int64)
	var all sync.WaitGroup
	for range ahead {
		all.Go(func() {
			for at := range offsets {
				q := q // the others have their own
				q.Offset = at
				to := content[at:min(at+step, size)]
				part, now, err := ask(ctx, q)
				if err == nil && (len(part) != len(to) || now != size) {
					err = fmt.Errorf("the hub sends %d of %d bytes at %d", len(part), len(to), at)
				}
				if err != nil {
					cancel(err)
					continue
				}
				copy(to, part)
			}
		})
	}
	for at := step; at < size && ctx.Err() == nil; at += step {
		offsets <- at
	}
	close(offsets)
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return content, nil
}

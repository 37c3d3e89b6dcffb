package lambdasim

import "net/http"

// minUnreserved is the concurrency that an account can't reserve away.
const minUnreserved = 100

// concurrencyLimit returns the account's concurrent executions.
func (a *account) concurrencyLimit() int {
	if a.spec.ConcurrencyLimit == 0 {
		return 1000
	}
	return a.spec.ConcurrencyLimit
}

// reserved sums up what the functions of a region have reserved, but for one.
func (r *region) reserved(except *function) int {
	n := 0
	for _, f := range r.functions {
		if f != except && f.reserved != nil {
			n += *f.reserved
		}
	}
	return n
}

// putFunctionConcurrency answers PutFunctionConcurrency.
func putFunctionConcurrency(_ *World, c *call) (reply, error) {
	var in struct{ ReservedConcurrentExecutions int }
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	if t.qualifier != "" {
		return reply{}, errInvalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
			"Please specify either a function name or an unqualified function ARN.")
	}
	f := c.region.find(t.name, c.now)
	if f == nil {
		return reply{}, errNotFound("Function not found: %s:$LATEST", c.region.functionArn(t.name))
	}
	if c.region.account.concurrencyLimit()-c.region.reserved(f)-in.ReservedConcurrentExecutions < minUnreserved {
		e := errInvalid("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "+
			"below its minimum value of [%d].", minUnreserved)
		e.sender = ""
		return reply{}, e
	}
	f.reserved = &in.ReservedConcurrentExecutions
	return jsonReply(http.StatusOK, concurrencyJSON{in.ReservedConcurrentExecutions})
}

// getFunctionConcurrency answers GetFunctionConcurrency.
func getFunctionConcurrency(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	if f.reserved == nil {
		return jsonReply(http.StatusOK, struct{}{})
	}
	return jsonReply(http.StatusOK, concurrencyJSON{*f.reserved})
}

// deleteFunctionConcurrency answers DeleteFunctionConcurrency.
func deleteFunctionConcurrency(_ *World, c *call) (reply, error) {
	f, err := c.unqualified()
	if err != nil {
		return reply{}, err
	}
	f.reserved = nil
	return noContent(), nil
}

// getAccountSettings answers GetAccountSettings for the caller's region.
func getAccountSettings(_ *World, c *call) (reply, error) {
	r := c.region
	var answer struct {
		AccountLimit struct {
			TotalCodeSize, CodeSizeUnzipped, CodeSizeZipped      int64
			ConcurrentExecutions, UnreservedConcurrentExecutions int
		}
		AccountUsage struct{ TotalCodeSize, FunctionCount int64 }
	}
	answer.AccountLimit.TotalCodeSize = 80_530_636_800
	answer.AccountLimit.CodeSizeUnzipped = maxUnzipped
	answer.AccountLimit.CodeSizeZipped = maxZipped
	answer.AccountLimit.ConcurrentExecutions = r.account.concurrencyLimit()
	answer.AccountLimit.UnreservedConcurrentExecutions = r.account.concurrencyLimit() - r.reserved(nil)
	answer.AccountUsage.FunctionCount = int64(len(r.functions))
	for _, f := range r.functions {
		for _, v := range f.all() {
			answer.AccountUsage.TotalCodeSize += v.code.size
		}
	}
	for _, l := range r.layers {
		for _, v := range l.versions {
			if !v.deleted {
				answer.AccountUsage.TotalCodeSize += v.code.size
			}
		}
	}
	return jsonReply(http.StatusOK, answer)
}

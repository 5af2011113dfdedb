package main

import (
	"fmt"
	"strconv"

	"lindero/store/pinecone"
)

// reconciliation is the report for machines.
type reconciliation struct {
	Tenants   int          `json:"tenants"` // compared
	Compared  []comparison `json:"namespaces"`
	Strangers []stranger   `json:"strangers"`
	Failed    []uncompared `json:"failed"`
	Fixed     bool         `json:"fixed"` // the repair of what differs is noted, for workers to carry out
	OK        bool         `json:"ok"`
}

// comparison is one namespace against its tenant's record.
type comparison struct {
	Tenant string `json:"tenant"` // slug
	ID     string `json:"tenant_id"`
	pinecone.Differences
}

// stranger is a namespace that no tenant on Pinecone has.
type stranger struct {
	Namespace string `json:"namespace"`
	Reason    string `json:"reason"`
}

// uncompared is a tenant that could not be compared.
type uncompared struct {
	Tenant string `json:"tenant"`
	Error  string `json:"error"`
}

func (d *doctorCommand) printReconciliation(c *console, report reconciliation) error {
	if d.JSON {
		return printJSON(c.out, report)
	}
	rows := [][]string{{"TENANT", "DIMENSIONS", "ON RECORD", "LISTED", "MISSING", "ORPHANS", "FOREIGN", "OUTCOME"}}
	for _, one := range report.Compared {
		rows = append(rows, []string{one.Tenant, strconv.Itoa(one.Dimensions), figure(one.OnRecord), figure(one.Listed),
			figure(one.Missing), figure(one.Orphans), figure(one.Foreign), outcome(one.OK())})
	}
	if err := printTable(c.out, rows); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\n%d tenants on Pinecone compared\n", report.Tenants)
	for _, s := range report.Strangers {
		fmt.Fprintf(c.out, "namespace %s: %s; delete it yourself when no other deployment uses the index\n", s.Namespace, s.Reason)
	}
	for _, f := range report.Failed {
		fmt.Fprintf(c.out, "tenant %s could not be compared: %s\n", f.Tenant, f.Error)
	}
	if d.Fix && !report.OK {
		fmt.Fprintln(c.out, "workers repair what differs; run this again in a moment without --fix")
	}
	return nil
}

func figure(n int64) string { return strconv.FormatInt(n, 10) }

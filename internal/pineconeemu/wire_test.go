package pineconeemu

import "testing"

func TestServiceHasTheMethodsOfTheSDK(t *testing.T) {
	t.Parallel()
	service, err := describeService(nil)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]bool{}
	for _, m := range service.Methods {
		methods[m.MethodName] = true
	}
	for _, name := range []string{"Upsert", "Delete", "Fetch", "List", "Query", "Update", "DescribeIndexStats",
		"ListNamespaces", "DescribeNamespace", "DeleteNamespace", "CreateNamespace", "FetchByMetadata"} {
		if !methods[name] {
			t.Errorf("no method %s", name)
		}
	}
}

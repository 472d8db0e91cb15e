#!/usr/bin/env bash
# The tutorial's own commands, with stock aws and kubectl, repaired where the tutorial is wrong (see the numbers).
# Run after `. DIR/env.sh`. https://docs.aws.amazon.com/batch/latest/userguide/getting-started-eks-privateclusters.html
set -euo pipefail
cd "$(mktemp -d)"
namespace=my-aws-batch-namespace

# Step 1: prepare the EKS cluster.
kubectl create -f - <<YAML
{"apiVersion": "v1", "kind": "Namespace",
 "metadata": {"name": "${namespace}", "labels": {"name": "${namespace}"}}}
YAML

kubectl apply -f - <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: aws-batch-cluster-role
rules:
  - apiGroups: [""]
    resources: ["namespaces"]
    verbs: ["get"]
  - apiGroups: [""]
    resources: ["nodes"]
    verbs: ["get", "list", "watch"]
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["get", "list", "watch"]
  - apiGroups: [""]
    resources: ["events"]      # on the newer pages only
    verbs: ["list"]
  - apiGroups: [""]
    resources: ["configmaps"]
    verbs: ["get", "list", "watch"]
  - apiGroups: ["apps"]
    resources: ["daemonsets", "deployments", "statefulsets", "replicasets"]
    verbs: ["get", "list", "watch"]
  - apiGroups: ["rbac.authorization.k8s.io"]
    resources: ["clusterroles", "clusterrolebindings"]
    verbs: ["get", "list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: aws-batch-cluster-role-binding
subjects:
  - kind: User
    name: aws-batch
    apiGroup: rbac.authorization.k8s.io
roleRef:
  kind: ClusterRole
  name: aws-batch-cluster-role
  apiGroup: rbac.authorization.k8s.io
YAML

kubectl apply --namespace "${namespace}" -f - <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: aws-batch-compute-environment-role
  namespace: ${namespace}
rules:
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["create", "get", "list", "watch", "delete", "patch"]
  - apiGroups: [""]
    resources: ["serviceaccounts"]
    verbs: ["get", "list"]
  - apiGroups: ["rbac.authorization.k8s.io"]
    resources: ["roles", "rolebindings"]
    verbs: ["get", "list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: aws-batch-compute-environment-role-binding
  namespace: ${namespace}
subjects:
  - kind: User
    name: aws-batch
    apiGroup: rbac.authorization.k8s.io
roleRef:
  kind: Role
  name: aws-batch-compute-environment-role
  apiGroup: rbac.authorization.k8s.io
YAML

# eksctl create iamidentitymapping, done with kubectl; and the node role's mapping, which the tutorial forgets (no. 3).
kubectl get configmap aws-auth --namespace kube-system --output jsonpath='{.data.mapRoles}' > mapRoles.yaml
cat >> mapRoles.yaml <<YAML
- rolearn: arn:aws:iam::${AWS_ACCOUNT_ID}:role/AWSServiceRoleForBatch
  username: aws-batch
- rolearn: ${NODE_ROLE}
  username: system:node:{{EC2PrivateDNSName}}
  groups:
  - system:bootstrappers
  - system:nodes
YAML
kubectl create configmap aws-auth --namespace kube-system --from-file=mapRoles=mapRoles.yaml \
  --dry-run=client --output yaml | kubectl apply -f -

# Step 2: create a compute environment. `aws eks`, not `eks`; an instance profile, not a role (no. 2).
security_group=$(aws eks describe-cluster --name "${EKS_CLUSTER}" \
  --query cluster.resourcesVpcConfig.clusterSecurityGroupId --output text)
cat <<JSON > batch-eks-compute-environment.json
{"computeEnvironmentName": "My-Eks-CE1", "type": "MANAGED", "state": "ENABLED",
 "eksConfiguration": {"eksClusterArn": "arn:aws:eks:${AWS_REGION}:${AWS_ACCOUNT_ID}:cluster/${EKS_CLUSTER}",
                      "kubernetesNamespace": "${namespace}"},
 "computeResources": {"type": "EC2", "allocationStrategy": "BEST_FIT_PROGRESSIVE", "minvCpus": 0, "maxvCpus": 128,
                      "instanceTypes": ["m5"], "subnets": ["${SUBNETS//,/\",\"}"],
                      "securityGroupIds": ["${security_group}"], "instanceRole": "${INSTANCE_PROFILE}"}}
JSON
aws batch create-compute-environment --cli-input-json file://./batch-eks-compute-environment.json

status=CREATING
while [ "${status}" = CREATING ]; do
  sleep 0.5
  status=$(aws batch describe-compute-environments --compute-environments My-Eks-CE1 \
    --query 'computeEnvironments[0].status' --output text)
done
test "${status}" = VALID

# Step 3: create a job queue.
cat <<JSON > batch-eks-job-queue.json
{"jobQueueName": "My-Eks-JQ1", "priority": 10,
 "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "My-Eks-CE1"}]}
JSON
aws batch create-job-queue --cli-input-json file://./batch-eks-job-queue.json

# Step 4: the image in the private registry, and the job definition.
repository=$(aws ecr create-repository --repository-name amazonlinux/amazonlinux \
  --query repository.repositoryUri --output text)
skopeo copy --all --src-tls-verify=false --dest-tls-verify=false \
  --dest-creds "AWS:$(aws ecr get-login-password)" "docker://${UPSTREAM_IMAGE}" "docker://${repository}:2"
digest=$(aws ecr describe-images --repository-name amazonlinux/amazonlinux --image-ids imageTag=2 \
  --query 'imageDetails[0].imageDigest' --output text)
cat <<JSON > batch-eks-job-definition.json
{"jobDefinitionName": "MyJobOnEks_Sleep", "type": "container",
 "eksProperties": {"podProperties": {"hostNetwork": true,
   "containers": [{"image": "${repository}@${digest}", "command": ["sleep", "60"],
                   "resources": {"limits": {"cpu": "1", "memory": "1024Mi"}}}],
   "metadata": {"labels": {"environment": "test"}}}}}
JSON
aws batch register-job-definition --cli-input-json file://./batch-eks-job-definition.json

# Step 5: submit a job, and one with overrides. `--`, not `- -` (no. 1).
while [ "$(aws batch describe-job-queues --job-queues My-Eks-JQ1 --query 'jobQueues[0].status' --output text)" != VALID ]
do sleep 0.2; done
aws batch submit-job --job-queue My-Eks-JQ1 --job-definition MyJobOnEks_Sleep --job-name My-Eks-Job1
cat <<JSON > submit-job-override.json
{"jobName": "EksWithOverrides", "jobQueue": "My-Eks-JQ1", "jobDefinition": "MyJobOnEks_Sleep",
 "eksPropertiesOverride": {"podProperties": {"containers": [
   {"command": ["/bin/sh"], "args": ["-c", "echo hello world"]}]}}}
JSON
job=$(aws batch submit-job --cli-input-json file://./submit-job-override.json --query jobId --output text)
status=SUBMITTED
while [ "${status}" != SUCCEEDED ] && [ "${status}" != FAILED ]; do
  sleep 0.5
  status=$(aws batch describe-jobs --jobs "${job}" --query 'jobs[0].status' --output text)
done
test "${status}" = SUCCEEDED

"""Pages of DescribeInstances, where EC2 gives fewer rows than there are."""

import boto3
from botocore.stub import Stubber

from autoscaler.providers.aws import pages


def test_a_search_by_key_goes_on_to_the_last_page_even_past_an_empty_one():
    ec2 = boto3.client("ec2", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    asked = {"Filters": [{"Name": "tag:baseload:key", "Values": ["k1"]}]}
    found = {"Reservations": [{"Instances": [{"InstanceId": "i-1"}]}]}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_instances", {"Reservations": [], "NextToken": "more"}, asked)
        stubber.add_response("describe_instances", found, {**asked, "NextToken": "more"})
        assert [one["InstanceId"] for one in pages.tagged(ec2, "baseload:key", "k1")] == ["i-1"]
        stubber.assert_no_pending_responses()
    ec2.close()

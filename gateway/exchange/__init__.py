"""The only part that knows the order of an exchange; `pipeline` has it."""

from gateway.exchange.answers import Answer
from gateway.exchange.parties import Party
from gateway.exchange.pipeline import Delivery, Pipeline, Sent, open_pipeline
from gateway.exchange.questions import Operation, Question
from gateway.exchange.recording import Call

__all__ = [
    "Answer",
    "Call",
    "Delivery",
    "Operation",
    "Party",
    "Pipeline",
    "Question",
    "Sent",
    "open_pipeline",
]

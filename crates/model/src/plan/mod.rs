//! What is to be done: from what two surveys saw and what both sides last agreed on, to a plan. Pure.

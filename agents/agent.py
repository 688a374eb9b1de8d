"""The visual-search agent: think, look closer, answer; and try again when the verifier says no."""

import json
import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

import prompts
from agents.answers import pose
from agents.boxes import Box
from agents.case import Case
from agents.endpoint import ReplyError
from agents.messages import Call, Message, Reply
from agents.photos import pixel_hash
from agents.tools import TOOLS, Observation, Tool, ToolError
from agents.trajectory import Attempt, Step, Trajectory, Verdict
from agents.verifier import Truth, verify
from agents.views import View

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
NO_ANSWER_YET = "Call one of the tools, or end with <answer>your answer</answer>."


class AgentConfig(BaseModel):
    """How long the agent may search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(8, ge=1)
    """Replies of the model up to one answer; then the attempt ends."""
    attempts: int = Field(3, ge=1)
    """Answers the agent may give: the first, and those after a hint."""
    tools: tuple[str, ...] = tuple(tool.name for tool in TOOLS)

    @field_validator("tools")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [tool.name for tool in TOOLS]
        if wrong := [name for name in names if name not in known]:
            raise ValueError(f"there is no tool {wrong[0]!r}; choose from {known}")
        return names


class VisualSearchAgent:
    """Searches a photo for the answer to a question. Holds no state of a search, so many may share it."""

    def __init__(self, config: AgentConfig) -> None:
        known = {tool.name: tool for tool in TOOLS}
        self.config = config
        self.tools: dict[str, Tool] = {name: known[name] for name in config.tools}
        self._schemas = tuple(tool.schema for tool in self.tools.values())

    async def search(self, case: Case, truth: Truth) -> Trajectory:
        """The whole trajectory on one task, right or wrong in the end.

        Raises EndpointError (the operator's), PhotoError (the photo's) and ReplyError (an unreadable verdict).
        """
        messages = self._opening(case, truth)
        attempts: list[Attempt] = []
        while len(attempts) < self.config.attempts:
            attempt = await self._attempt(case, messages)
            verdict = await verify(case, truth, attempt.answer, seed=len(attempts))
            attempts.append(attempt.model_copy(update={"verdict": verdict}))
            if verdict.correct:
                break
            messages.append(Message(role="user", content=(self._push_on(verdict),)))
        return Trajectory(attempts=tuple(attempts), calls=tuple(case.calls))

    def _opening(self, case: Case, truth: Truth) -> list[Message]:
        whole = case.setting.frame.size(case.setting.photo, case.setting.posed)
        system = prompts.render("search_system", width=whole.width, height=whole.height, steps=self.config.steps)
        question = prompts.render("search_user", question=pose(truth.question, truth.choices))
        first = (self._caption(case, case.posed), case.photo.picture(case.posed), question)
        return [Message(role="system", content=(system,)), Message(role="user", content=first)]

    def _push_on(self, verdict: Verdict) -> str:
        return prompts.render("search_hint", hint=verdict.hint)

    async def _attempt(self, case: Case, messages: list[Message]) -> Attempt:
        """Steps until there is an answer or no step is left; what is said grows `messages`."""
        steps: list[Step] = []
        for _ in range(self.config.steps):
            reply = await self._think(case, messages)
            messages.append(Message(role="assistant", content=(reply.text,), calls=reply.calls[:1]))
            answer = _ANSWER.search(reply.text)
            if reply.calls:
                # One call at a time: a second one was written without seeing what the first brings.
                steps.append(await self._act(case, reply.calls[0], reply.text, messages))
            elif answer:
                thought = _ANSWER.sub("", reply.text).strip()
                return Attempt(steps=tuple(steps), thought=thought, answer=answer.group(1).strip())
            else:
                messages.append(Message(role="user", content=(NO_ANSWER_YET,)))
        return Attempt(steps=tuple(steps), stop="step limit")

    async def _think(self, case: Case, messages: list[Message]) -> Reply:
        request = case.request("search", tuple(messages))
        return await case.ask(request.model_copy(update={"tools": self._schemas}))

    async def _act(self, case: Case, call: Call, thought: str, messages: list[Message]) -> Step:
        """Do what a call asks, tell the model what came of it, and record both."""
        try:
            observation, values = await self._run(case, call)
            failed, written = False, json.loads(call.arguments or "{}")
        except (ToolError, ReplyError) as error:
            observation, values, failed, written = Observation(str(error)), {}, True, {}
        messages.append(Message(role="tool", content=(observation.text,), call_id=call.id))
        if observation.view:
            # The protocol has no pictures in tool messages, so the picture follows as the user's.
            shown = self._caption(case, observation.view), case.photo.picture(observation.view)
            messages.append(Message(role="user", content=shown))
        box = values.get("box")
        return Step(
            thought=thought,
            tool=call.name[:40],
            arguments=written,
            observation=observation.text,
            failed=failed,
            box=box if isinstance(box, Box) else None,
            boxes=observation.boxes,
            view=observation.view,
            pixels=pixel_hash(case.photo.render(observation.view)) if observation.view else None,
        )

    async def _run(self, case: Case, call: Call) -> tuple[Observation, dict[str, object]]:
        tool = self.tools.get(call.name)
        if tool is None:
            raise ToolError(f"There is no tool {call.name[:40]!r}; choose from {list(self.tools)}.")
        return await tool(case, call.arguments)

    def _caption(self, case: Case, view: View) -> str:
        """Words that say which part of the photo a picture shows, in the teacher's own frame."""
        return prompts.render("search_picture", box=case.written(view.box), width=view.width, height=view.height)

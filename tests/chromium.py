"""A real Chromium without a window, for pages that are opened from disk; nothing is looked up on a network."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE_SECONDS = 60.0
"""The longest wait for something that is going to be there, on a machine that is busy."""
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000",
)  # fmt: skip


def program() -> str | None:
    """Chromium, where it is installed together with its driver."""
    driver = shutil.which("chromedriver")
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None) if driver else None


@contextmanager
def chromium(profile: Path) -> Iterator["Browser"]:
    """A browser that remembers nothing, with its profile in an empty folder; it ends with the block."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(program())
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With a path given, Selenium does not go looking for a driver.
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What a person does with a page, and what is seen of it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def open(self, page: Path, fragment: str = "") -> None:
        """Open a file as if for the first time, with what stands behind `#` in its address."""
        self._driver.get("about:blank")
        self.said()
        self._driver.get(f"{page.as_uri()}#{fragment}")

    def said(self) -> list[str]:
        """What the console has said since it was last asked."""
        get_log: Any = self._driver.get_log  # Selenium has no types for it
        return [entry["message"] for entry in get_log("browser")]

    def press(self, *keys: str) -> None:
        """Press keys where the cursor is, one after the other."""
        for key in keys:
            self._driver.switch_to.active_element.send_keys(key)

    def click(self, selector: str) -> None:
        self.wait(lambda: self.count(selector) > 0)
        self._driver.find_element(By.CSS_SELECTOR, selector).click()

    def choose(self, name: str, value: str) -> None:
        """Choose an option of a select."""
        self.click(f'select[name="{name}"] option[value="{value}"]')

    def text(self, selector: str) -> str:
        """What is written in an element; waits for it to be there."""
        self.wait(lambda: self.count(selector) > 0)
        return self._driver.find_element(By.CSS_SELECTOR, selector).text

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.elements(selector)]

    def values(self, selector: str, attribute: str) -> list[str | None]:
        return [element.get_dom_attribute(attribute) for element in self.elements(selector)]

    def style(self, selector: str, name: str) -> str:
        return self._driver.find_element(By.CSS_SELECTOR, selector).value_of_css_property(name)

    def count(self, selector: str) -> int:
        return len(self.elements(selector))

    def elements(self, selector: str) -> list[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def value_of(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self._driver.execute_script(f"return {script}")

    def wait(self, condition: Callable[[], bool]) -> None:
        """Go on as soon as a condition holds; an error after a long time if it never does."""
        WebDriverWait(self._driver, PATIENCE_SECONDS, 0.02).until(lambda _: condition())

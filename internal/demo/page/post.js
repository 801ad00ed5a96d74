// post sends an action, and returns why it was refused, or "".
export async function post(path, body) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (answer.ok) return "";
    return (await answer.json()).error;
  } catch (e) {
    return `the demo does not answer: ${e.message}`;
  }
}
